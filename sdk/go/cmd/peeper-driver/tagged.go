package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"

	"peeper/sdk/go"
)

// toNative makes a native value of a tagged one: null, true and "text" are themselves; {"int": "5"}, {"double": "0.1"},
// {"bytes": "base64"}, [...], {"map": [["key", VALUE], ...]}.
func toNative(tagged any) (any, error) {
	switch v := tagged.(type) {
	case nil, bool, string:
		return v, nil
	case []any:
		list := make([]any, len(v))
		var err error
		for i, item := range v {
			if list[i], err = toNative(item); err != nil {
				return nil, err
			}
		}
		return list, nil
	case object:
		for kind, told := range v {
			return tagOf(kind, told)
		}
	}
	return nil, fmt.Errorf("no tagged value: %v", tagged)
}

func tagOf(kind string, told any) (any, error) {
	text, _ := told.(string)
	switch kind {
	case "int":
		n, err := strconv.ParseInt(text, 10, 64)
		if errors.Is(err, strconv.ErrRange) {
			// The SDK shall say what is wrong with it.
			return strconv.ParseUint(text, 10, 64)
		}
		return n, err
	case "double":
		return strconv.ParseFloat(text, 64)
	case "bytes":
		return base64.StdEncoding.DecodeString(text)
	case "map":
		entries := map[string]any{}
		pairs, _ := told.([]any)
		for _, each := range pairs {
			pair, _ := each.([]any)
			if len(pair) != 2 {
				return nil, fmt.Errorf("no entry of a map: %v", each)
			}
			key, _ := pair[0].(string)
			value, err := toNative(pair[1])
			if err != nil {
				return nil, err
			}
			entries[key] = value
		}
		return entries, nil
	}
	return nil, fmt.Errorf("a value is tagged %q", kind)
}

func ofNative(native any) any {
	switch v := native.(type) {
	case int64:
		return object{"int": strconv.FormatInt(v, 10)}
	case float64:
		return object{"double": ofDouble(v)}
	case []byte:
		return object{"bytes": base64.StdEncoding.EncodeToString(v)}
	case peeper.Opaque:
		return object{"encoded": base64.StdEncoding.EncodeToString(v)}
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = ofNative(item)
		}
		return list
	case map[string]any:
		pairs := make([]any, 0, len(v))
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		sort.Strings(keys)
		for _, key := range keys {
			pairs = append(pairs, []any{key, ofNative(v[key])})
		}
		return object{"map": pairs}
	}
	return native
}

func ofDouble(v float64) string {
	switch {
	case math.IsNaN(v):
		return "nan"
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// ofAnswer makes JSON of an answer's struct: the protocol's field names, defaults left out, 64 bits as strings.
func ofAnswer(answer any) any {
	return ofField(reflect.ValueOf(answer))
}

func ofField(v reflect.Value) any {
	switch told := v.Interface().(type) {
	case time.Time:
		return strconv.FormatInt(told.UnixMilli(), 10)
	case time.Duration:
		return strconv.FormatInt(told.Milliseconds(), 10)
	case *peeper.Monitor:
		return strconv.FormatUint(told.Ref(), 10)
	case *peeper.Key:
		return ofNative(told.Value)
	case peeper.Isolation:
		return map[peeper.Isolation]string{peeper.IsolationShared: "shared", peeper.IsolationOwn: "own"}[told]
	case error:
		return told.Error()
	}
	switch v.Kind() {
	case reflect.Pointer:
		return ofField(v.Elem())
	case reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10)
	case reflect.Slice:
		list := []any{}
		for i := 0; i < v.Len(); i++ {
			list = append(list, ofField(v.Index(i)))
		}
		return list
	case reflect.Struct:
		return ofStruct(v)
	}
	return v.Interface()
}

func ofStruct(v reflect.Value) object {
	told := object{}
	for i := 0; i < v.NumField(); i++ {
		field, value := v.Type().Field(i), v.Field(i)
		name := snake(field.Name)
		switch {
		case value.IsZero():
		case field.Type == reflect.TypeOf((*any)(nil)).Elem():
			told[name] = ofNative(value.Interface())
		case field.Type == reflect.TypeOf(time.Time{}) || field.Type == reflect.TypeOf(time.Duration(0)):
			if name == "valid" { // the only one of 32 bits
				told["valid_ms"] = value.Interface().(time.Duration).Milliseconds()
			} else {
				told[name+"_ms"] = ofField(value)
			}
		default:
			told[name] = ofField(value)
		}
	}
	return told
}

// snake is a field's name in the protocol: LastCrash is last_crash, HostPID host_pid.
func snake(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		upper := name[i] >= 'A' && name[i] <= 'Z'
		if upper && i > 0 && !(name[i-1] >= 'A' && name[i-1] <= 'Z') {
			b.WriteByte('_')
		}
		b.WriteByte(name[i])
	}
	return strings.ToLower(b.String())
}

func ofEvent(event peeper.Event) object {
	told := ofStruct(reflect.ValueOf(event).Elem())
	name := snake(reflect.TypeOf(event).Elem().Name())
	if name == "step_back" {
		name = "stepped_back"
	}
	told["event"] = name
	return told
}

// ofError is an error of the server with its status, or one of the SDK with its kind.
func ofError(err error) object {
	told := object{"message": err.Error(), "retryable": false, "retry_after_ms": 0, "reason": nil, "kind": ""}
	var (
		failure      *peeper.Error
		disconnected *peeper.DisconnectedError
		timeout      *peeper.TimeoutError
		invalid      *peeper.InvalidValueError
	)
	local := func(name string, retryable bool) {
		told["local"], told["retryable"] = name, retryable
	}
	switch {
	case errors.As(err, &timeout):
		local("Timeout", !timeout.MaybeRan)
		told["maybe_ran"] = timeout.MaybeRan
	case errors.As(err, &disconnected):
		local("Disconnected", !disconnected.MaybeRan)
		told["maybe_ran"] = disconnected.MaybeRan
	case errors.Is(err, peeper.ErrConnectFailed):
		local("ConnectFailed", true)
	case errors.Is(err, peeper.ErrClosed):
		local("Closed", false)
	case errors.Is(err, peeper.ErrTooManyRequests):
		local("TooManyRequests", true)
	case errors.As(err, &invalid):
		local("InvalidValue", false)
		told["path"] = invalid.Path
	case errors.Is(err, peeper.ErrInvalidArgument):
		local("InvalidArgument", false)
	case errors.As(err, &failure):
		told["status"] = failure.Status.String()
		told["message"] = failure.Message
		told["retryable"] = failure.Retryable
		told["retry_after_ms"] = failure.RetryAfter.Milliseconds()
		told["reason"] = ofNative(failure.Reason)
		told["kind"] = failure.Kind
	default:
		local("Driver", false)
	}
	return told
}

// args are read by name; numbers may be strings.
type args map[string]any

func numberOf(told any) (uint64, error) {
	switch v := told.(type) {
	case nil:
		return 0, nil
	case json.Number:
		return strconv.ParseUint(v.String(), 10, 64)
	case string:
		return strconv.ParseUint(v, 10, 64)
	}
	return 0, fmt.Errorf("no number: %v", told)
}
