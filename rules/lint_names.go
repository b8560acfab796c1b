package rules

// The short names of warnings. They stay what they are: people write them into tickets and filter by them. docs/lints.md
// explains each.
const (
	lintNegationNull     = "negation-null"
	lintNeverNull        = "never-null"
	lintAlwaysTrue       = "always-true"
	lintAlwaysFalse      = "always-false"
	lintExcluding        = "excluding-conditions"
	lintSameRule         = "same-rule"
	lintUnreachableStage = "unreachable-stage"
	lintUnusedTrait      = "unused-trait"
	lintUnusedColumn     = "unused-column"
	lintZeroBased        = "zero-based"
	lintFloat32          = "float32-literal"
	lintTextOrder        = "text-order"
	lintWholeSplit       = "whole-split"
	lintEmptyList        = "empty-list"
	lintListType         = "list-type"
	lintUselessUntil     = "useless-until"
	lintFlapping         = "flapping-segment"
	lintOwnPast          = "own-past"
	lintUselessPeriod    = "useless-period"
	lintNoWayIn          = "no-way-in"
	lintNoWayOut         = "no-way-out"
)

// LintNames are the short names of all warnings of this package.
func LintNames() []string {
	return []string{
		lintNegationNull, lintNeverNull, lintAlwaysTrue, lintAlwaysFalse, lintExcluding, lintSameRule, lintUnreachableStage, lintUnusedTrait,
		lintUnusedColumn, lintZeroBased, lintFloat32, lintTextOrder, lintWholeSplit, lintEmptyList, lintListType, lintUselessUntil, lintFlapping,
		lintOwnPast, lintUselessPeriod, lintNoWayIn, lintNoWayOut,
	}
}
