package policy

import (
	"fmt"
	"slices"
	"time"
	_ "time/tzdata" // The same rules say the same on a machine without zone files.

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// CEL asks a timestamp for its hour in a time zone by the zone's name,
// request.time.getHours("Europe/Berlin"), and looks the name up in the file
// system each time. Here the zone is loaded when the policy is: a wrong name is
// a fault with its line, and a decision stays without I/O.

// zoneFunctions are CEL's functions of a timestamp and a zone.
func zoneFunctions() []string {
	return []string{
		overloads.TimeGetFullYear, overloads.TimeGetMonth, overloads.TimeGetDayOfYear, overloads.TimeGetDate,
		overloads.TimeGetDayOfMonth, overloads.TimeGetDayOfWeek, overloads.TimeGetHours, overloads.TimeGetMinutes,
		overloads.TimeGetSeconds, overloads.TimeGetMilliseconds,
	}
}

// checkZones finds the zones of an expression that are no constant or do not
// exist.
func checkZones(checked *cel.Ast) []conditionFault {
	var faults []conditionFault
	native := checked.NativeRep()
	for _, call := range ast.MatchDescendants(ast.NavigateAST(native), callsZone) {
		arg := call.AsCall().Args()[0]
		at := native.SourceInfo().GetStartLocation(arg.ID())
		fault := conditionFault{line: max(at.Line(), 1), column: max(at.Column(), 0) + 1}
		name, isText := constantText(arg)
		if !isText {
			fault.message = "the time zone must be a constant text"
		} else if _, err := loadZone(name); err != nil {
			fault.message = fmt.Sprintf("time zone %q: %s", name, err)
		} else {
			continue
		}
		faults = append(faults, fault)
	}
	return faults
}

func callsZone(e ast.NavigableExpr) bool {
	if e.Kind() != ast.CallKind {
		return false
	}
	call := e.AsCall()
	return call.IsMemberFunction() && len(call.Args()) == 1 && slices.Contains(zoneFunctions(), call.FunctionName())
}

func constantText(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	text, isText := e.AsLiteral().Value().(string)
	return text, isText
}

// loadZone loads a zone by its name in the IANA database, "UTC", or an offset
// "+01:00". "Local" is refused: it is another zone on another machine.
func loadZone(name string) (*time.Location, error) {
	if at, err := time.Parse("-07:00", name); err == nil {
		_, offset := at.Zone()
		return time.FixedZone(name, offset), nil
	}
	if name == "" || name == "Local" {
		return nil, fmt.Errorf("want a name such as Europe/Berlin, UTC, or an offset such as +01:00")
	}
	return time.LoadLocation(name)
}

// fixZones puts the loaded zone in the place of each name.
func fixZones(node interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, isCall := node.(interpreter.InterpretableCall)
	if !isCall || len(call.Args()) != 2 || !slices.Contains(zoneFunctions(), call.Function()) {
		return node, nil
	}
	constant, isConstant := call.Args()[1].(interpreter.InterpretableConst)
	if !isConstant {
		return node, nil
	}
	name, _ := constant.Value().Value().(string)
	zone, err := loadZone(name)
	if err != nil {
		return nil, err
	}
	return &zoned{InterpretableCall: call, zone: zone}, nil
}

// zoned is a call of a function of a timestamp in a zone that is loaded.
type zoned struct {
	interpreter.InterpretableCall
	zone *time.Location
}

// Exec implements interpreter.InterpretableV2.
func (z *zoned) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return z.in(z.Args()[0].Exec(frame))
}

// Eval implements interpreter.Interpretable.
func (z *zoned) Eval(a interpreter.Activation) ref.Val {
	return z.in(z.Args()[0].Eval(a))
}

func (z *zoned) in(value ref.Val) ref.Val {
	at, isTime := value.(types.Timestamp)
	if !isTime {
		return types.MaybeNoSuchOverloadErr(value)
	}
	return types.Timestamp{Time: at.In(z.zone)}.Receive(z.Function(), z.OverloadID(), nil)
}
