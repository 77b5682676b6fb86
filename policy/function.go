package policy

import (
	"strconv"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/decls"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// conditionFunctions declares what conditions can call beside CEL's own. The
// types were checked at load where they are known; CEL's guard, which would look
// into each map once more, is left out.
func conditionFunctions() []cel.EnvOption {
	function := func(name string, a, b *cel.Type, does func(a, b ref.Val) ref.Val) cel.EnvOption {
		return cel.Function(name, decls.DisableTypeGuards(true),
			cel.Overload(name+"_of_two", []*cel.Type{a, b}, cel.BoolType, cel.BinaryBinding(does)))
	}
	return []cel.EnvOption{
		function("given", cel.MapType(cel.StringType, cel.DynType), cel.ListType(cel.StringType), given),
		function("sameID", cel.DynType, cel.DynType, sameID),
		function("sameAddress", cel.DynType, cel.DynType, sameAddress),
	}
}

// given reports whether one of the named parameters is there and says something.
func given(params, names ref.Val) ref.Val {
	from, isMapper := params.(traits.Mapper)
	list, isLister := names.(traits.Lister)
	if !isMapper || !isLister {
		return types.MaybeNoSuchOverloadErr(params)
	}
	for name := list.Iterator(); name.HasNext() == types.True; {
		if v, found := from.Find(name.Next()); found && v != types.NullValue && v != types.String("") {
			return types.True
		}
	}
	return types.False
}

// sameID reports whether two values are the same id: integers, or texts of the
// one decimal spelling.
func sameID(a, b ref.Val) ref.Val {
	x, xIsID := idOf(a)
	y, yIsID := idOf(b)
	return types.Bool(xIsID && yIsID && x == y)
}

func idOf(v ref.Val) (int64, bool) {
	switch v := v.(type) {
	case types.Int:
		return int64(v), v > 0
	case types.String:
		if v == "" || v[0] < '1' || v[0] > '9' {
			return 0, false
		}
		n, err := strconv.ParseInt(string(v), 10, 64)
		return n, err == nil
	default:
		return 0, false
	}
}

// sameAddress reports whether two values are the same e-mail address: texts,
// not empty, and equal but for the case of ASCII letters. Faveo's database takes
// more for equal; that reaches no other account than the one that is meant,
// since its column is unique by the same rule and the affiliation holds no
// address that is another account's user name or mobile.
func sameAddress(a, b ref.Val) ref.Val {
	x, xIsText := a.(types.String)
	y, yIsText := b.(types.String)
	return types.Bool(xIsText && yIsText && x != "" && equalFold(string(x), string(y)))
}

// equalFold compares without regard to the case of ASCII letters only.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
