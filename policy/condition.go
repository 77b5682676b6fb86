package policy

import (
	"errors"
	"fmt"
	"slices"
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
//	subject.held bool: objects are held against the caller, see Engine.held
//	subject.email string, subject.departments, subject.teams list(int)
//	subject.key.present bool: the request carries a managed API key
//	subject.key.id, subject.key.name string, subject.key.scopes list(string):
//	the key's, each scope in its canonical text; empty without one
//	request.method string, request.path string, request.time timestamp
//	params map(string, dyn)
//	captures.NAME int or string, one for each capture of the rule's path
//	object.kind string, object.id, object.owner, object.department,
//	object.assignee, object.team int, object.collaborators list(int):
//	in a rule with an object clause, for each object that the request names
//
// and the functions
//
//	given(params, [NAME, …]) bool: one of the parameters is there, and neither
//	null nor the empty text
//	sameID(a, b) bool: both are the same id, in its one spelling
//	sameAddress(a, b) bool: both are the same e-mail address
//
// Each is a variable of its own, so that a name that does not exist is found
// when the policy is loaded.
type condition struct {
	text    string
	program cel.Program
	// object is whether it is evaluated for each object that a request names,
	// affiliation whether it mentions what a lookup says of the caller.
	object, affiliation bool
}

var errNotBool = errors.New("the condition is not a bool")

// conditionEnv declares what all conditions may mention.
func conditionEnv() (*cel.Env, error) {
	return cel.NewEnv(append(conditionFunctions(),
		cel.Variable("subject.authenticated", cel.BoolType),
		cel.Variable("subject.id", cel.IntType),
		cel.Variable("subject.role", cel.StringType),
		cel.Variable("subject.held", cel.BoolType),
		cel.Variable("subject.email", cel.StringType),
		cel.Variable("subject.departments", cel.ListType(cel.IntType)),
		cel.Variable("subject.teams", cel.ListType(cel.IntType)),
		cel.Variable("subject.key.present", cel.BoolType),
		cel.Variable("subject.key.id", cel.StringType),
		cel.Variable("subject.key.name", cel.StringType),
		cel.Variable("subject.key.scopes", cel.ListType(cel.StringType)),
		cel.Variable("request.method", cel.StringType),
		cel.Variable("request.path", cel.StringType),
		cel.Variable("request.time", cel.TimestampType),
		cel.Variable("params", cel.MapType(cel.StringType, cel.DynType)),
		cel.ParserExpressionSizeLimit(expressionLimit),
		cel.ASTValidators(
			cel.ValidateRegexLiterals(), cel.ValidateDurationLiterals(), cel.ValidateTimestampLiterals(),
			cel.ValidateComprehensionNestingLimit(1),
		),
	)...)
}

// conditionFault is one fault of an expression, at its own line and column,
// both counted from 1.
type conditionFault struct {
	line, column int
	message      string
}

// compileCondition compiles an expression for a rule with pattern p, with
// object to mention when the rule has an object clause.
func compileCondition(env *cel.Env, expression string, p pattern, object bool) (*condition, []conditionFault) {
	env, err := extend(env, p, object)
	if err != nil {
		return nil, []conditionFault{{1, 1, err.Error()}}
	}
	checked, issues := env.Compile(expression)
	if issues.Err() != nil {
		var faults []conditionFault
		for _, e := range issues.Errors() {
			message, _, _ := strings.Cut(e.Message, "\n")
			if !object && strings.HasPrefix(message, "undeclared reference to 'object") {
				message = "object is what an allow rule's object clause names, and there is none"
			}
			// A fault of the whole expression has no place: -1.
			faults = append(faults, conditionFault{max(e.Location.Line(), 1), max(e.Location.Column(), 0) + 1, message})
		}
		return nil, faults
	}
	if t := checked.OutputType(); t != cel.BoolType {
		return nil, []conditionFault{{1, 1, fmt.Sprintf("the result is %s, must be bool", t)}}
	}
	if faults := checkZones(checked); faults != nil {
		return nil, faults
	}
	program, err := env.Program(checked,
		append(limitOf(checked), cel.EvalOptions(cel.OptOptimize), cel.CustomDecoratorV2(fixZones))...)
	if err != nil {
		return nil, []conditionFault{{1, 1, err.Error()}}
	}
	c := &condition{text: strings.TrimSpace(expression), program: program}
	for _, mentioned := range checked.NativeRep().ReferenceMap() {
		c.object = c.object || strings.HasPrefix(mentioned.Name, "object.")
		c.affiliation = c.affiliation || slices.Contains(affiliationVariables(), mentioned.Name)
	}
	return c, nil
}

// affiliationVariables are the variables that take a lookup of the caller.
func affiliationVariables() []string {
	return []string{"subject.email", "subject.departments", "subject.teams"}
}

// extend declares the captures of a pattern, and the object.
func extend(env *cel.Env, p pattern, object bool) (*cel.Env, error) {
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
	if object {
		variables = append(variables,
			cel.Variable("object.kind", cel.StringType),
			cel.Variable("object.id", cel.IntType),
			cel.Variable("object.owner", cel.IntType),
			cel.Variable("object.collaborators", cel.ListType(cel.IntType)),
			cel.Variable("object.department", cel.IntType),
			cel.Variable("object.assignee", cel.IntType),
			cel.Variable("object.team", cel.IntType),
		)
	}
	if len(variables) == 0 {
		return env, nil
	}
	return env.Extend(variables...)
}

// errUnknown is a condition that wanted what was not looked up: the caller's
// affiliation, or an object.
var errUnknown = errors.New("the condition wants what was not looked up")

// String is the expression as written, empty for no condition.
func (c *condition) String() string {
	if c == nil {
		return ""
	}
	return c.text
}

// isAboutObject reports whether the condition is about each object that a
// request names. Like wantsAffiliation it may be asked of no condition.
func (c *condition) isAboutObject() bool { return c != nil && c.object }

// wantsAffiliation reports whether the condition mentions what a lookup says of
// the caller.
func (c *condition) wantsAffiliation() bool { return c != nil && c.affiliation }

// eval evaluates the condition. An error means that it has no value for this
// request: a parameter that is missing or of a wrong type, too much work, or
// errUnknown.
func (c *condition) eval(a *activation) (bool, error) {
	value, _, err := c.program.Eval(a)
	if err != nil {
		if a.unknown {
			return false, errUnknown
		}
		return false, err
	}
	holds, isBool := value.Value().(bool)
	if !isBool {
		return false, errNotBool
	}
	return holds, nil
}
