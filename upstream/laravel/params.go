package laravel

import (
	"iter"
	"math"
	"strconv"
)

// Params is an ordered set of named values: one PHP array. A name appears once.
// The zero Params is empty. Params is not safe for concurrent change; the
// exported methods only read.
type Params struct {
	entries []entry
	// list marks a JSON list: names are the positions and are not stored.
	list bool
	// index finds an entry by name once there are too many to look at each.
	index map[string]int
	// next is the index that PHP gives to the next "[]".
	next int64
	// noAppend is set when the next index differs between versions of PHP or
	// does not exist: after a negative index, and after the largest.
	noAppend bool
}

type entry struct {
	name  string
	value Value
	// times counts how often the client gave the name with this one value.
	times int
}

// indexAbove is the size at which a map is quicker than a walk.
const indexAbove = 16

// Len returns the number of names.
func (p *Params) Len() int { return len(p.entries) }

// Get returns the value of name, and false when it is not given. Names are
// compared byte by byte.
func (p *Params) Get(name string) (Value, bool) {
	i := p.find(name)
	if i < 0 {
		return Value{}, false
	}
	return p.entries[i].value, true
}

// All walks the names and values in the order in which PHP holds them.
func (p *Params) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for i := range p.entries {
			if !yield(p.name(i), p.entries[i].value) {
				return
			}
		}
	}
}

func (p *Params) name(i int) string {
	if p.list {
		return strconv.Itoa(i)
	}
	return p.entries[i].name
}

func (p *Params) find(name string) int {
	if p.list {
		n, ok := integerKey(name)
		if !ok || n < 0 || n >= int64(len(p.entries)) {
			return -1
		}
		return int(n)
	}
	if len(p.entries) > indexAbove {
		return p.findIndexed(name)
	}
	for i := range p.entries {
		if p.entries[i].name == name {
			return i
		}
	}
	return -1
}

func (p *Params) findIndexed(name string) int {
	if p.index == nil {
		p.index = make(map[string]int, 2*len(p.entries))
		for i := range p.entries {
			p.index[p.entries[i].name] = i
		}
	}
	if i, ok := p.index[name]; ok {
		return i
	}
	return -1
}

// add appends a name that is not there yet.
func (p *Params) add(name string, v Value) {
	if n, ok := integerKey(name); ok {
		switch {
		case n < 0 || n == math.MaxInt64:
			p.noAppend = true
		case n >= p.next:
			p.next = n + 1
		}
	}
	if p.index != nil {
		p.index[name] = len(p.entries)
	}
	p.entries = append(p.entries, entry{name: name, value: v, times: 1})
}

// insert places v under a name with brackets as php_register_variable does: keys
// are the parts, "" after the first means append. What PHP would overwrite is a
// conflict; the same value again is counted.
func (p *Params) insert(keys []string, v Value) Reason {
	for depth, key := range keys {
		if key == "" && depth > 0 {
			if p.noAppend {
				return ReasonParameterName
			}
			key = strconv.FormatInt(p.next, 10)
		}
		i, last := p.find(key), depth == len(keys)-1
		switch {
		case last && i < 0:
			p.add(key, v)
		case last && p.entries[i].value.Equal(v):
			p.entries[i].times++
		case last:
			return ReasonParameterConflict
		case i < 0:
			next := &Params{}
			p.add(key, arrayValue(next))
			p = next
		case p.entries[i].value.kind != KindArray:
			return ReasonParameterConflict
		default:
			p = p.entries[i].value.array
		}
	}
	return ""
}

// take removes name and returns its value once for each time it was given.
func (p *Params) take(name string) []Value {
	i := p.find(name)
	if i < 0 {
		return nil
	}
	taken := make([]Value, p.entries[i].times)
	for n := range taken {
		taken[n] = p.entries[i].value
	}
	p.entries = append(p.entries[:i], p.entries[i+1:]...)
	p.index = nil
	return taken
}

func (p *Params) equal(o *Params) bool {
	if len(p.entries) != len(o.entries) {
		return false
	}
	for i := range p.entries {
		if p.name(i) != o.name(i) || !p.entries[i].value.Equal(o.entries[i].value) {
			return false
		}
	}
	return true
}

func (p *Params) any() any {
	if p.isList() {
		list := make([]any, len(p.entries))
		for i := range p.entries {
			list[i] = p.entries[i].value.Any()
		}
		return list
	}
	m := make(map[string]any, len(p.entries))
	for i := range p.entries {
		m[p.entries[i].name] = p.entries[i].value.Any()
	}
	return m
}

// isList is PHP's array_is_list.
func (p *Params) isList() bool {
	if p.list {
		return true
	}
	for i := range p.entries {
		if n, ok := integerKey(p.entries[i].name); !ok || n != int64(i) {
			return false
		}
	}
	return true
}

// integerKey reports whether PHP turns the array key into an integer: decimal
// without leading zeros, plus sign or "-0", within 64 bits.
func integerKey(key string) (int64, bool) {
	if key == "" || len(key) > 20 {
		return 0, false
	}
	digits := key
	if key[0] == '-' {
		digits = key[1:]
	}
	if digits == "" || digits[0] < '0' || digits[0] > '9' || (digits[0] == '0' && key != "0") {
		return 0, false
	}
	n, err := strconv.ParseInt(key, 10, 64)
	return n, err == nil
}
