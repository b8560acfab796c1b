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
		Long: `Prints the JSON Schema of strata.yaml, or with --tests that of test files. With it an editor completes keys, shows what
each is for, explains rules where the pointer rests on one, and underlines what is wrong.

Any editor with the YAML language server (VS Code with the extension "YAML" by Red Hat, Neovim, Emacs, Helix, Zed) takes the
schema from the first line of the file:

  # yaml-language-server: $schema=strata.schema.json

JetBrains IDEs take it under Settings, Languages & Frameworks, Schemas and DTDs, JSON Schema Mappings. In VS Code one
setting serves all files, without that line:

  "yaml.schemas": {"strata.schema.json": "strata*.yaml"}

The schema knows the file, not the snapshot: strata check --date finds what is wrong inside rules.

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
				_, err = cmd.OutOrStdout().Write(schema)
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
