package policy

import (
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
)

// limitOf is the limit that an expression is evaluated under. Counting costs more
// than most conditions do, so an expression that can do no more than look at each
// of its inputs once, whatever the caller sends, is not counted: it walks over no
// list, matches no pattern and builds no text.
func limitOf(checked *cel.Ast) []cel.ProgramOption {
	dear := ast.MatchDescendants(ast.NavigateAST(checked.NativeRep()), isDear)
	if len(dear) == 0 {
		return nil
	}
	return []cel.ProgramOption{cel.CostLimit(costLimit)}
}

// isDear reports whether a node's work is not bounded by the size of its inputs,
// or is not known to be.
func isDear(e ast.NavigableExpr) bool {
	switch e.Kind() {
	case ast.CallKind:
		return !slices.Contains(cheapFunctions(), e.AsCall().FunctionName())
	case ast.ComprehensionKind:
		return true
	default:
		return false
	}
}

func cheapFunctions() []string {
	return append(zoneFunctions(),
		operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional,
		operators.Equals, operators.NotEquals,
		operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals,
		operators.In, operators.Index,
		overloads.Contains, overloads.StartsWith, overloads.EndsWith, overloads.Size,
		overloads.TypeConvertString, overloads.TypeConvertInt, overloads.TypeConvertType,
		"given", "sameID", "sameAddress",
	)
}
