package peeper

import (
	"fmt"
	"io"
	"net"

	"peeper/sdk/go/gen/peeperv1"

	"google.golang.org/protobuf/proto"
)

const readBytes = 128 << 10

// frameReader cuts a connection's bytes into frames.
type frameReader struct {
	conn       net.Conn
	max        int    // bytes of a frame
	room       []byte // what is read into
	start, end int    // the part of room that was read and not taken yet
}

// whole answers the next frame if it is there, without reading; nil if it is not. Good until the next read.
func (f *frameReader) whole() ([]byte, error) {
	frame, rest, err := cutFrame(f.room[f.start:f.end], f.max)
	f.start = f.end - len(rest)
	return frame, err
}

// read waits for more bytes. The room doubles as a long frame comes in: its length alone does not take memory.
func (f *frameReader) read() error {
	left := f.room[f.start:f.end]
	if size := len(f.room); len(left) == size {
		f.room = make([]byte, size+max(size, readBytes))
	} else if size > 8*readBytes && len(left) == 0 {
		f.room = make([]byte, readBytes)
	}
	f.start, f.end = 0, copy(f.room, left)
	n, err := f.conn.Read(f.room[f.end:])
	f.end += n
	if n > 0 {
		return nil
	}
	if err == io.EOF {
		return errSaidClose
	}
	return err
}

func max(a, b int) int {
	if a > b {
		return a
	}
	return b
}

// next reads one frame, waiting for it.
func (f *frameReader) next() ([]byte, error) {
	for {
		frame, err := f.whole()
		if frame != nil || err != nil {
			return frame, err
		}
		if err := f.read(); err != nil {
			return nil, err
		}
	}
}

// read hands answers to their requests until the connection is lost.
func (c *Client) read(s *session) {
	defer close(s.readerGone)
	var err error
	for err == nil {
		if err = c.dispatch(s); err == nil {
			err = s.in.read()
		}
	}
	c.mu.Lock()
	s.fail(err)
	c.wakeWriter()
	c.mu.Unlock()
}

// dispatch takes all frames that are there.
func (c *Client) dispatch(s *session) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.reads++
	for {
		data, err := s.in.whole()
		if data == nil || err != nil {
			return err
		}
		frame, err := parseFrame(data)
		if err != nil {
			return err
		}
		if frame.id == 0 || frame.id&ownID != 0 {
			c.mu.Unlock()
			err = c.unasked(s, frame)
			c.mu.Lock()
			if err != nil {
				return err
			}
			continue
		}
		r := c.find(frame.id)
		if r == nil || r.place != placeWritten {
			continue // its caller has gone
		}
		if hook := r.hook; hook != nil {
			c.mu.Unlock()
			hook(frame)
			c.mu.Lock()
			if r = c.find(frame.id); r == nil || r.place != placeWritten {
				continue
			}
		}
		r.field = frame.field
		if !r.abandoned {
			r.reply = append(r.reply[:0], frame.body...)
		}
		c.finish(r, nil)
	}
}

// unasked takes a frame that answers no caller's request.
func (c *Client) unasked(s *session, frame answer) error {
	switch {
	case frame.id != 0:
		c.ties.resumed(c, frame)
	case frame.field == answerError:
		// The server closes behind it. Requests without an answer, which we send, do not fail.
		return fmt.Errorf("the server ends the connection: %w", errorOf(frame.body))
	case frame.field == answerEvent:
		event := &peeperv1.Event{}
		if err := proto.Unmarshal(frame.body, event); err != nil {
			return errFrame
		}
		c.ties.event(c, event)
	}
	return nil
}
