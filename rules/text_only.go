package rules

import (
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"strata/configs"
)

// CheckText reports what is wrong with definitions whatever the snapshot: rules that do not parse, segments that there are
// not, circles of segments and of traits. The error is configs.Problems. What depends on columns only Compile can tell.
func CheckText(d *configs.Definitions) error {
	c := &compiler{schema: arrow.NewSchema(nil, nil), graph: newGraph(), zones: map[string]*zone{}}
	s := &stepCompiler{compiler: c, definitions: d, textOnly: true}
	if err := s.start(&clockwork{zone: time.UTC}); err != nil {
		return err
	}
	s.compileRules()
	return s.problems().Err()
}
