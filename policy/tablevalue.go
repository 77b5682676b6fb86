package policy

import "go.yaml.in/yaml/v4"

// params adds to the parameters of the query.
func (d *tableDocument) params(n *yaml.Node, c *Case) {
	params, _ := c.Request.Params.(Input)
	if params == nil {
		params = Input{}
	}
	for key, value := range d.entries(n) {
		name, ok := d.text(key, "parameter")
		if _, twice := params[name]; ok && twice {
			d.fault(key, "parameter %s is given twice", name)
		}
		params[name] = d.value(value)
	}
	c.Request.Params = params
}

// value reads a value as JSON would have it.
func (d *tableDocument) value(n *yaml.Node) any {
	switch n.Kind {
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			list = append(list, d.value(item))
		}
		return list
	case yaml.MappingNode:
		m := map[string]any{}
		for key, item := range d.entries(n) {
			m[key.Value] = d.value(item)
		}
		return m
	case yaml.ScalarNode:
		return d.scalar(n)
	default:
		d.fault(n, "want a value, not %s", kindName(n))
		return nil
	}
}

func (d *tableDocument) scalar(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!str":
		return n.Value
	case "!!null":
		return nil
	case "!!bool":
		return loadScalar[bool](d, n)
	case "!!int":
		return loadScalar[int64](d, n)
	case "!!float":
		return loadScalar[float64](d, n)
	default:
		d.fault(n, "want text, a number, true, false or null, not %s", kindName(n))
		return nil
	}
}

func loadScalar[T any](d *tableDocument, n *yaml.Node) any {
	var v T
	if err := n.Load(&v); err != nil {
		d.fault(n, "want a value, not %s", kindName(n))
		return nil
	}
	return v
}

// entries walks a mapping by its nodes. No mapping is none, after a fault
// unless it is absent.
func (d *tableDocument) entries(n *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		if n == nil {
			return
		}
		if n.Kind != yaml.MappingNode {
			d.fault(n, "want a mapping, not %s", kindName(n))
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}
