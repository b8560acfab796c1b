package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"strata/configs"
)

func schemaCommand() *cobra.Command {
	tests := false
	cmd := &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the configuration, for editors",
		Long: `Prints the JSON Schema of strata.yaml, or with --tests that of test files. An editor with the YAML language server completes and checks the file when its
first line is

  # yaml-language-server: $schema=strata.schema.json

Examples:
  strata schema > strata.schema.json
  strata schema --tests > strata_test.schema.json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			schema, err := configs.Schema()
			if tests {
				schema, err = configs.SuiteSchema()
			}
			if err == nil {
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", schema)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&tests, "tests", false, "print the schema of test files")
	return cmd
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(), "strata %s (%s %s/%s)\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}
