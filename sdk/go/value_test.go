package peeper

import (
	"errors"
	"math"
	"reflect"
	"testing"

	"peeper/sdk/go/gen/peeperv1"

	"google.golang.org/protobuf/proto"
)

// native makes of a generated Value what decodeValue would.
func native(v *peeperv1.Value) any {
	switch kind := v.GetKind().(type) {
	case *peeperv1.Value_Bool:
		return kind.Bool
	case *peeperv1.Value_Int:
		return kind.Int
	case *peeperv1.Value_Double:
		return kind.Double
	case *peeperv1.Value_String_:
		return kind.String_
	case *peeperv1.Value_Bytes:
		return append([]byte{}, kind.Bytes...)
	case *peeperv1.Value_List:
		list := []any{}
		for _, item := range kind.List.GetValues() {
			list = append(list, native(item))
		}
		return list
	case *peeperv1.Value_Map:
		entries := map[string]any{}
		for key, entry := range kind.Map.GetEntries() {
			entries[key] = native(entry)
		}
		return entries
	}
	return nil
}

var samples = []any{
	nil, true, false, int64(0), int64(-1), int64(math.MinInt64), int64(math.MaxInt64), 0.1, math.Inf(1), math.Inf(-1),
	math.Copysign(0, -1), "", "text", "\u0000\U0010ffff", []byte{}, []byte{0, 0xff}, []any{}, map[string]any{},
	[]any{nil, []any{"a", int64(1)}, map[string]any{"": nil, "k": []any{}}},
	map[string]any{"b": []byte("x"), "a": map[string]any{"deep": 1.5}},
}

func encoded(t testing.TB, value any) []byte {
	t.Helper()
	return must[[]byte](t)(encodeValue(nil, value))
}

func TestValuesAreWhatTheGeneratedCodeReads(t *testing.T) {
	for _, sample := range append(samples, samples) {
		data := encoded(t, sample)
		var generated peeperv1.Value
		check(t, proto.Unmarshal(data, &generated))
		if got := native(&generated); !reflect.DeepEqual(got, sample) {
			t.Errorf("%#v was written as %#v", sample, got)
		}
		if got := must[any](t)(decodeValue(data)); !reflect.DeepEqual(got, sample) {
			t.Errorf("%#v was read as %#v", sample, got)
		}
	}
	nan := must[any](t)(decodeValue(encoded(t, math.NaN())))
	if f, ok := nan.(float64); !ok || !math.IsNaN(f) {
		t.Errorf("NaN was read as %#v", nan)
	}
}

func TestOtherGoTypesAreTakenForWhatTheyMean(t *testing.T) {
	type word string
	type number uint16
	seven := 7
	var none *int
	for _, c := range []struct{ from, to any }{
		{7, int64(7)}, {int8(-8), int64(-8)}, {number(9), int64(9)}, {uint64(math.MaxInt64), int64(math.MaxInt64)},
		{float32(0.5), 0.5}, {word("w"), "w"}, {[]string{"a"}, []any{"a"}}, {[2]int{1, 2}, []any{int64(1), int64(2)}},
		{map[word]int{"k": 1}, map[string]any{"k": int64(1)}}, {&seven, int64(7)}, {none, nil},
	} {
		if got := must[any](t)(decodeValue(encoded(t, c.from))); !reflect.DeepEqual(got, c.to) {
			t.Errorf("%#v became %#v", c.from, got)
		}
	}
}

func nested(levels int) any {
	var value any = "core"
	for i := 0; i < levels; i++ {
		if i%2 == 0 {
			value = []any{value}
		} else {
			value = map[string]any{"k": value}
		}
	}
	return value
}

func TestWhatCannotTravelIsATypedErrorWithItsPath(t *testing.T) {
	type loop []any
	endless := loop{nil}
	endless[0] = endless
	var self any
	self = &self
	for path, value := range map[string]any{
		``:              uint64(math.MaxInt64 + 1),
		`["a"][1]`:      map[string]any{"a": []any{1, "\xff"}},
		`["a"]["b"]`:    map[string]any{"a": map[string]any{"b": struct{}{}}},
		`[0]`:           []any{map[int]int{1: 1}},
		`[2]`:           []any{1, 2, map[string]any{"\xff": 1}},
		`[1]`:           []any{1, make(chan int)},
		`["c"][0]["d"]`: map[string]any{"c": []any{map[string]any{"d": uint64(math.MaxUint64)}}},
	} {
		_, err := encodeValue(nil, value)
		var invalid *InvalidValueError
		if !errors.As(err, &invalid) || invalid.Path != path || !errors.Is(err, ErrInvalidValue) {
			t.Errorf("for the path %s there is %v", path, err)
		}
	}
	for _, value := range []any{nested(ValueDepthMax + 1), endless, self} {
		if _, err := encodeValue(nil, value); !errors.Is(err, ErrInvalidValue) {
			t.Errorf("too deep, but %v", err)
		}
	}
	if got := must[any](t)(decodeValue(encoded(t, nested(ValueDepthMax)))); !reflect.DeepEqual(got, nested(ValueDepthMax)) {
		t.Error("64 levels changed on the way")
	}
}

func TestDecodeRefusesWhatIsTooDeepOrCut(t *testing.T) {
	deep := encoded(t, "core")
	for i := 0; i <= ValueDepthMax; i++ {
		list, start := openLength([]byte{tagList})
		list, item := openLength(append(list, tagItem))
		deep = closeLength(closeLength(append(list, deep...), item), start)
	}
	if _, err := decodeValue(deep); !errors.Is(err, ErrInvalidValue) {
		t.Errorf("65 levels: %v", err)
	}
	for _, sample := range samples {
		data := encoded(t, sample)
		for cut := 1; cut < len(data); cut++ {
			if value, err := decodeValue(data[:cut]); err == nil {
				t.Errorf("%d of %d bytes of %#v were read as %#v", cut, len(data), sample, value)
			}
		}
	}
	if got, want := lenient([]byte{0xff, 1}), Opaque([]byte{0xff, 1}); !reflect.DeepEqual(got, want) {
		t.Errorf("what is no value is %#v", got)
	}
}

// FuzzValue holds decodeValue to the generated code: what it takes means the same there, and can be written again.
func FuzzValue(f *testing.F) {
	for _, sample := range samples {
		f.Add(encoded(f, sample))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		value, err := decodeValue(data)
		var generated peeperv1.Value
		generatedErr := proto.Unmarshal(data, &generated)
		if err != nil {
			return
		}
		if generatedErr != nil {
			t.Fatalf("the generated code refuses it: %v", generatedErr)
		}
		again := encoded(t, value)
		if string(again) != string(encoded(t, native(&generated))) {
			t.Fatalf("%#v is %#v to the generated code", value, native(&generated))
		}
		if back, err := decodeValue(again); err != nil || string(encoded(t, back)) != string(again) {
			t.Fatalf("%#v came back as %#v, %v", value, back, err)
		}
	})
}
