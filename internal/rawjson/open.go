package rawjson

// textEnd returns where the string that begins at i ends, in valid JSON.
func textEnd(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// valueEnd returns where the value that begins at i ends, in valid and compact
// JSON.
func valueEnd(b []byte, i int) int {
	depth := 0
	for {
		switch b[i] {
		case '"':
			i = textEnd(b, i)
		case '{', '[':
			depth++
			i++
			continue
		case '}', ']':
			depth--
			i++
		case ',', ':': // only within
			i++
			continue
		default:
			for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' {
				i++ // a number, true, false or null
			}
		}
		if depth == 0 {
			return i
		}
	}
}

// object opens an object and returns what it holds, or nil where v is none.
func (v *Value) object() *container {
	if v.open != nil {
		if v.open.object {
			return v.open
		}
		return nil
	}
	if len(v.raw) == 0 || v.raw[0] != '{' {
		return nil
	}
	c := &container{object: true}
	if v.raw[1] != '}' {
		c.members = make([]member, 0, 8)
		c.read(v.raw)
	}
	v.raw, v.open = nil, c
	return c
}

// read adds the members of an object that is written so.
func (c *container) read(b []byte) {
	if b[1] == '}' {
		return
	}
	for i := 1; b[i-1] != '}'; i++ { // b[i-1] is the brace or comma before
		end := textEnd(b, i)
		name := nameOf(b[i:end:end])
		i = valueEnd(b, end+1)
		c.add(name, Value{raw: b[end+1 : i : i]})
	}
}

// array opens an array, or returns nil where v is none.
func (v *Value) array() *container {
	if v.open != nil {
		if !v.open.object {
			return v.open
		}
		return nil
	}
	if len(v.raw) == 0 || v.raw[0] != '[' {
		return nil
	}
	b := v.raw
	c := &container{}
	if b[1] != ']' {
		for i := 1; b[i-1] != ']'; i++ {
			start := i
			i = valueEnd(b, start)
			c.items = append(c.items, Value{raw: b[start:i:i]})
		}
	}
	v.raw, v.open = nil, c
	return c
}
