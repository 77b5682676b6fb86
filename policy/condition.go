package policy

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
)

const (
	// costLimit bounds one evaluation, in CEL's units of about one operation.
	// A comparison costs a handful; the limit is for walks over a caller's
	// lists and for patterns over a caller's text.
	costLimit = 10_000
	// expressionLimit bounds the text of a condition, in code points.
	expressionLimit = 4096
)

// condition is a compiled CEL expression of type bool over
//
//	subject.authenticated bool, subject.id int, subject.role string
//	request.method string, request.path string
//	params map(string, dyn)
//	captures.NAME int or string, one for each capture of the rule's path
//
// Each is a variable of its own, so that a name that does not exist is found
// when the policy is loaded.
type condition struct{ program cel.Program }

var errNotBool = errors.New("the condition is not a bool")

// conditionEnv declares what all conditions may mention.
func conditionEnv() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("subject.authenticated", cel.BoolType),
		cel.Variable("subject.id", cel.IntType),
		cel.Variable("subject.role", cel.StringType),
		cel.Variable("request.method", cel.StringType),
		cel.Variable("request.path", cel.StringType),
		cel.Variable("params", cel.MapType(cel.StringType, cel.DynType)),
		cel.ParserExpressionSizeLimit(expressionLimit),
		cel.ASTValidators(
			cel.ValidateRegexLiterals(), cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(),
			cel.ValidateComprehensionNestingLimit(1),
		),
	)
}

// conditionFault is one fault of an expression, at its own line and column,
// both counted from 1.
type conditionFault struct {
	line, column int
	message      string
}

// compileCondition compiles an expression for a rule with pattern p.
func compileCondition(env *cel.Env, expression string, p pattern) (*condition, []conditionFault) {
	env, err := withCaptures(env, p)
	if err != nil {
		return nil, []conditionFault{{1, 1, err.Error()}}
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		var faults []conditionFault
		for _, e := range issues.Errors() {
			message, _, _ := strings.Cut(e.Message, "\n")
			// A fault of the whole expression has no place: -1.
			faults = append(faults, conditionFault{max(e.Location.Line(), 1), max(e.Location.Column(), 0) + 1, message})
		}
		return nil, faults
	}
	if t := ast.OutputType(); t != cel.BoolType {
		return nil, []conditionFault{{1, 1, fmt.Sprintf("the result is %s, must be bool", t)}}
	}
	program, err := env.Program(ast, cel.EvalOptions(cel.OptOptimize), cel.CostLimit(costLimit))
	if err != nil {
		return nil, []conditionFault{{1, 1, err.Error()}}
	}
	return &condition{program}, nil
}

// withCaptures declares the captures of a pattern.
func withCaptures(env *cel.Env, p pattern) (*cel.Env, error) {
	var variables []cel.EnvOption
	for _, s := range p.segments {
		switch {
		case s.name == "":
		case s.kind == captureInt:
			variables = append(variables, cel.Variable("captures."+s.name, cel.IntType))
		default:
			variables = append(variables, cel.Variable("captures."+s.name, cel.StringType))
		}
	}
	if len(variables) == 0 {
		return env, nil
	}
	return env.Extend(variables...)
}

// eval evaluates the condition. An error means that it has no value for this
// request: a parameter that is missing or of a wrong type, or too much work.
func (c *condition) eval(s Subject, q Request, p pattern) (bool, error) {
	value, _, err := c.program.Eval(&activation{s, q, p})
	if err != nil {
		return false, err
	}
	holds, isBool := value.Value().(bool)
	if !isBool {
		return false, errNotBool
	}
	return holds, nil
}

// activation gives a condition its variables, each only when it is asked for.
type activation struct {
	subject Subject
	request Request
	pattern pattern
}

// Parent says that there are no other variables.
func (*activation) Parent() cel.Activation { return nil }

// ResolveName returns the value of a variable.
func (a *activation) ResolveName(name string) (any, bool) {
	switch name {
	case "subject.authenticated":
		return a.subject.Authenticated, true
	case "subject.id":
		return int64(a.subject.UserID), a.subject.UserID <= math.MaxInt64
	case "subject.role":
		return a.subject.Role, true
	case "request.method":
		return a.request.Method, true
	case "request.path":
		return a.request.Path, true
	case "params":
		return a.params(), true
	}
	if capture, found := strings.CutPrefix(name, "captures."); found {
		return a.capture(capture)
	}
	return nil, false
}

func (a *activation) params() map[string]any {
	if a.request.Params == nil {
		return map[string]any{}
	}
	return a.request.Params.Map()
}

func (a *activation) capture(name string) (any, bool) {
	text, kind, found := a.pattern.capture(a.request.Path, name)
	if !found || kind != captureInt {
		return text, found
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil
}

var _ cel.Activation = (*activation)(nil)
