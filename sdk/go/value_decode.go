package peeper

import (
	"math"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// Opaque is what the server has where the bytes are no value: a state or message in its behaviour's own encoding.
type Opaque []byte

// decodeValue makes a native value of an encoded peeper.v1.Value. Nothing of it points into the bytes.
//
// As the server does, it takes the last of several kinds, and refuses what it does not know and lists or maps in two
// pieces, because what they mean would be lost.
func decodeValue(data []byte) (any, error) {
	return parseValue(data, 0)
}

// lenient is decodeValue for what may be in another encoding.
func lenient(data []byte) any {
	value, err := decodeValue(data)
	if err != nil {
		return Opaque(append([]byte(nil), data...))
	}
	return value
}

func parseValue(data []byte, depth int) (value any, err error) {
	var before byte
	for len(data) > 0 {
		tag := data[0]
		data = data[1:]
		var number uint64
		var body []byte
		if number, body, data, err = parseField(tag, data); err != nil {
			return nil, err
		}
		if (tag == tagList || tag == tagMap) && tag == before {
			return nil, malformed("a list or map in two pieces")
		}
		before = tag
		switch tag {
		case tagNull:
			value = nil
		case tagBool:
			value = number != 0
		case tagInt:
			value = protowire.DecodeZigZag(number)
		case tagDouble:
			value = math.Float64frombits(number)
		case tagString:
			if !utf8.Valid(body) {
				return nil, malformed("a string that is not UTF-8")
			}
			value = string(body)
		case tagBytes:
			value = append([]byte{}, body...)
		case tagList:
			value, err = parseList(body, depth)
		case tagMap:
			value, err = parseMap(body, depth)
		default:
			return nil, malformed("an unknown field")
		}
		if err != nil {
			return nil, err
		}
	}
	return value, nil
}

// parseField reads what follows a tag, by its wire type.
func parseField(tag byte, data []byte) (number uint64, body, rest []byte, err error) {
	n := 0
	switch protowire.Type(tag & 7) {
	case protowire.VarintType:
		number, n = protowire.ConsumeVarint(data)
	case protowire.Fixed64Type:
		number, n = protowire.ConsumeFixed64(data)
	case protowire.BytesType:
		body, n = protowire.ConsumeBytes(data)
	default:
		return 0, nil, nil, malformed("an unknown field")
	}
	if n < 0 {
		return 0, nil, nil, malformed("it ends in the middle of a field")
	}
	return number, body, data[n:], nil
}

func parseList(data []byte, depth int) (any, error) {
	if depth >= ValueDepthMax {
		return nil, tooDeep()
	}
	list := []any{}
	for len(data) > 0 {
		tag := data[0]
		_, body, rest, err := parseField(tag, data[1:])
		if err != nil {
			return nil, err
		}
		if tag != tagItem {
			return nil, malformed("an unknown field in a list")
		}
		item, err := parseValue(body, depth+1)
		if err != nil {
			return nil, inside(err, "["+strconv.Itoa(len(list))+"]")
		}
		list = append(list, item)
		data = rest
	}
	return list, nil
}

func parseMap(data []byte, depth int) (any, error) {
	if depth >= ValueDepthMax {
		return nil, tooDeep()
	}
	entries := map[string]any{}
	for len(data) > 0 {
		tag := data[0]
		_, body, rest, err := parseField(tag, data[1:])
		if err != nil {
			return nil, err
		}
		if tag != tagItem {
			return nil, malformed("an unknown field in a map")
		}
		key, value, err := parseEntry(body, depth)
		if err != nil {
			return nil, err
		}
		entries[key] = value
		data = rest
	}
	return entries, nil
}

func parseEntry(data []byte, depth int) (key string, value any, err error) {
	values := 0
	for len(data) > 0 {
		tag := data[0]
		_, body, rest, err := parseField(tag, data[1:])
		if err != nil {
			return "", nil, err
		}
		switch tag {
		case tagKey:
			if !utf8.Valid(body) {
				return "", nil, malformed("a key that is not UTF-8")
			}
			key = string(body)
		case tagEntry:
			if values++; values > 1 {
				return "", nil, malformed("an entry with two values")
			}
			if value, err = parseValue(body, depth+1); err != nil {
				return "", nil, inside(err, "["+strconv.Quote(key)+"]")
			}
		default:
			return "", nil, malformed("an unknown field in an entry")
		}
		data = rest
	}
	return key, value, nil
}

func malformed(message string) error {
	return &InvalidValueError{Message: "the bytes are no value: " + message}
}
