package peeper

import (
	"fmt"
	"math"
	"reflect"
	"sort"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// ValueDepthMax is how deep lists and maps may nest.
const ValueDepthMax = 64

// Tags of peeper.v1.Value, ListValue and MapValue. All fields have numbers below 16, so a tag is a byte.
const (
	tagNull   = 1<<3 | byte(protowire.VarintType)
	tagBool   = 2<<3 | byte(protowire.VarintType)
	tagInt    = 3<<3 | byte(protowire.VarintType)
	tagDouble = 4<<3 | byte(protowire.Fixed64Type)
	tagString = 5<<3 | byte(protowire.BytesType)
	tagBytes  = 6<<3 | byte(protowire.BytesType)
	tagList   = 7<<3 | byte(protowire.BytesType)
	tagMap    = 8<<3 | byte(protowire.BytesType)
	tagItem   = 1<<3 | byte(protowire.BytesType) // of a list or map
	tagKey    = 1<<3 | byte(protowire.BytesType)
	tagEntry  = 2<<3 | byte(protowire.BytesType) // the value of an entry
)

// encodeValue appends the value as an encoded peeper.v1.Value. Maps are written in the order of their keys, so equal
// values have equal bytes.
func encodeValue(dst []byte, value any) ([]byte, error) {
	return appendValue(dst, value, 0)
}

func appendValue(dst []byte, value any, depth int) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return append(dst, tagNull, 1), nil
	case string:
		if !utf8.ValidString(v) {
			return dst, &InvalidValueError{Message: "the string is not UTF-8: send it as []byte"}
		}
		dst = protowire.AppendVarint(append(dst, tagString), uint64(len(v)))
		return append(dst, v...), nil
	case int:
		return appendInt(dst, int64(v)), nil
	case int64:
		return appendInt(dst, v), nil
	case bool:
		return append(dst, tagBool, byte(protowire.EncodeBool(v))), nil
	case float64:
		return protowire.AppendFixed64(append(dst, tagDouble), math.Float64bits(v)), nil
	case []byte:
		return protowire.AppendBytes(append(dst, tagBytes), v), nil
	case []any:
		return appendList(dst, len(v), depth, func(i int) any { return v[i] })
	case map[string]any:
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		return appendMap(dst, keys, depth, func(key string) any { return v[key] })
	}
	return appendReflected(dst, reflect.ValueOf(value), depth)
}

func appendInt(dst []byte, value int64) []byte {
	return protowire.AppendVarint(append(dst, tagInt), protowire.EncodeZigZag(value))
}

// Other types that mean the same, by their kind.
func appendReflected(dst []byte, value reflect.Value, depth int) ([]byte, error) {
	switch value.Kind() {
	case reflect.Bool:
		return appendValue(dst, value.Bool(), depth)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return appendInt(dst, value.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if value.Uint() > math.MaxInt64 {
			return dst, &InvalidValueError{Message: fmt.Sprintf(
				"%d is over the largest integer, %d: send it as a string", value.Uint(), int64(math.MaxInt64))}
		}
		return appendInt(dst, int64(value.Uint())), nil
	case reflect.Float32, reflect.Float64:
		return appendValue(dst, value.Float(), depth)
	case reflect.String:
		return appendValue(dst, value.String(), depth)
	case reflect.Slice, reflect.Array:
		if value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.Uint8 {
			return appendValue(dst, value.Bytes(), depth)
		}
		return appendList(dst, value.Len(), depth, func(i int) any { return value.Index(i).Interface() })
	case reflect.Map:
		return appendReflectedMap(dst, value, depth)
	case reflect.Pointer, reflect.Interface:
		if value.IsNil() {
			return appendValue(dst, nil, depth)
		}
		// Counted, because a pointer may lead to itself.
		if depth >= ValueDepthMax {
			return dst, tooDeep()
		}
		return appendValue(dst, value.Elem().Interface(), depth+1)
	}
	return dst, &InvalidValueError{Message: fmt.Sprintf(
		"a %s cannot travel: use nil, bool, integers, floats, string, []byte, []any or map[string]any", value.Type())}
}

func appendReflectedMap(dst []byte, value reflect.Value, depth int) ([]byte, error) {
	if value.Type().Key().Kind() != reflect.String {
		return dst, &InvalidValueError{Message: fmt.Sprintf(
			"the keys of a %s are no strings: make them strings", value.Type())}
	}
	keys := make([]string, 0, value.Len())
	for _, key := range value.MapKeys() {
		keys = append(keys, key.String())
	}
	return appendMap(dst, keys, depth, func(key string) any {
		return value.MapIndex(reflect.ValueOf(key).Convert(value.Type().Key())).Interface()
	})
}

func appendList(dst []byte, count, depth int, item func(int) any) ([]byte, error) {
	if depth >= ValueDepthMax {
		return dst, tooDeep()
	}
	dst, list := openLength(append(dst, tagList))
	for i := 0; i < count; i++ {
		var start int
		dst, start = openLength(append(dst, tagItem))
		var err error
		if dst, err = appendValue(dst, item(i), depth+1); err != nil {
			return dst, inside(err, "["+strconv.Itoa(i)+"]")
		}
		dst = closeLength(dst, start)
	}
	return closeLength(dst, list), nil
}

func appendMap(dst []byte, keys []string, depth int, get func(string) any) ([]byte, error) {
	if depth >= ValueDepthMax {
		return dst, tooDeep()
	}
	sort.Strings(keys)
	dst, whole := openLength(append(dst, tagMap))
	for _, key := range keys {
		if !utf8.ValidString(key) {
			return dst, &InvalidValueError{Message: fmt.Sprintf("the key %q is not UTF-8", key)}
		}
		var entry, start int
		dst, entry = openLength(append(dst, tagItem))
		dst = protowire.AppendString(append(dst, tagKey), key)
		dst, start = openLength(append(dst, tagEntry))
		var err error
		if dst, err = appendValue(dst, get(key), depth+1); err != nil {
			return dst, inside(err, "["+strconv.Quote(key)+"]")
		}
		dst = closeLength(closeLength(dst, start), entry)
	}
	return closeLength(dst, whole), nil
}

// openLength leaves one byte for a length that closeLength writes when it is known. A longer length moves what was
// written; with 64 levels at most that is cheaper than to measure everything first.
func openLength(dst []byte) ([]byte, int) {
	return append(dst, 0), len(dst) + 1
}

func closeLength(dst []byte, start int) []byte {
	length := len(dst) - start
	if length < 0x80 {
		dst[start-1] = byte(length)
		return dst
	}
	extra := protowire.SizeVarint(uint64(length)) - 1
	for i := 0; i < extra; i++ {
		dst = append(dst, 0)
	}
	copy(dst[start+extra:], dst[start:start+length])
	protowire.AppendVarint(dst[:start-1], uint64(length))
	return dst
}

func tooDeep() error {
	return &InvalidValueError{Message: fmt.Sprintf("more than %d levels of lists and maps: nest less", ValueDepthMax)}
}

// inside puts a step before the path of the error.
func inside(err error, step string) error {
	if invalid, ok := err.(*InvalidValueError); ok {
		invalid.Path = step + invalid.Path
	}
	return err
}
