package peeper

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// The frames of the protocol, read and written without reflection: messages of any kind are bytes here.

// appendFrame appends a ClientFrame with its length. The request is the field `field` of it; a `timeout` that is not 0
// is written behind the request's other fields, for it is known only when the frame leaves.
func appendFrame(dst []byte, id uint64, field protowire.Number, body []byte, timeout protowire.Number, ms uint64) []byte {
	bytes := len(body)
	if timeout != 0 {
		bytes += protowire.SizeTag(timeout) + protowire.SizeVarint(ms)
	}
	whole := protowire.SizeTag(field) + protowire.SizeBytes(bytes)
	if id != 0 {
		whole += 1 + protowire.SizeVarint(id)
	}
	dst = protowire.AppendVarint(dst, uint64(whole))
	if id != 0 {
		dst = protowire.AppendVarint(append(dst, 1<<3), id)
	}
	dst = protowire.AppendTag(dst, field, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(bytes))
	dst = append(dst, body...)
	if timeout != 0 {
		dst = protowire.AppendVarint(protowire.AppendTag(dst, timeout, protowire.VarintType), ms)
	}
	return dst
}

// answer is a ServerFrame. The body points into the bytes it was read from.
type answer struct {
	id    uint64
	field protowire.Number // which kind; 0: none that this version knows
	body  []byte
}

var errFrame = errors.New("bytes that are no frame of the protocol: is this a peeperd of this version?")

// parseFrame reads a ServerFrame without its length. Where a field stands twice the last one counts.
func parseFrame(data []byte) (answer, error) {
	var frame answer
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return answer{}, errFrame
		}
		data = data[n:]
		switch {
		case number == 1 && kind == protowire.VarintType:
			frame.id, n = protowire.ConsumeVarint(data)
		case kind == protowire.BytesType:
			frame.field = number
			frame.body, n = protowire.ConsumeBytes(data)
		default:
			n = protowire.ConsumeFieldValue(number, kind, data)
		}
		if n < 0 {
			return answer{}, errFrame
		}
		data = data[n:]
	}
	return frame, nil
}

// parseReply finds the payload of a Reply.
func parseReply(data []byte) (payload []byte, err error) {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return nil, errFrame
		}
		data = data[n:]
		if number == 1 && kind == protowire.BytesType {
			payload, n = protowire.ConsumeBytes(data)
		} else {
			n = protowire.ConsumeFieldValue(number, kind, data)
		}
		if n < 0 {
			return nil, errFrame
		}
		data = data[n:]
	}
	return payload, nil
}

// cutFrame takes the first whole frame off the bytes; nil where there is none yet.
func cutFrame(data []byte, most int) (frame, rest []byte, err error) {
	length, n := protowire.ConsumeVarint(data)
	switch {
	case n < 0 && len(data) < lengthBytesMax:
		return nil, data, nil // it may go on
	case n < 0 || n > lengthBytesMax:
		return nil, nil, errFrame
	case length > uint64(most):
		return nil, nil, fmt.Errorf("an answer of %d bytes is over Options.AnswerBytesMax, %d", length, most)
	case uint64(len(data)-n) < length:
		return nil, data, nil
	}
	whole := n + int(length)
	return data[n:whole:whole], data[whole:], nil
}

// lengthBytesMax is the longest length before a frame.
const lengthBytesMax = 5

// appendTarget appends the fields name and id that most requests have.
func appendTarget(dst []byte, name string, id uint64) []byte {
	if name != "" {
		dst = protowire.AppendString(append(dst, 1<<3|byte(protowire.BytesType)), name)
	}
	if id != 0 {
		dst = protowire.AppendVarint(append(dst, 2<<3|byte(protowire.VarintType)), id)
	}
	return dst
}
