package peeper

import "sync"

// mailbox is a bounded queue between the goroutine that reads the connection, which never waits, and one that hands
// over. What does not fit is counted.
type mailbox[T any] struct {
	most int
	// left makes the item that stands for those left out. Without it nothing more fits until reset.
	left func(count uint64) T
	kick chan struct{} // capacity 1: there is something

	mu    sync.Mutex
	items []T
	lost  uint64
}

func newMailbox[T any](most int) *mailbox[T] {
	return &mailbox[T]{most: most, kick: make(chan struct{}, 1)}
}

// push answers whether the item fitted.
func (m *mailbox[T]) push(item T) bool {
	m.mu.Lock()
	fits := len(m.items) < m.most && (m.lost == 0 || m.left != nil)
	if fits {
		if m.lost > 0 {
			m.items = append(m.items, m.left(m.lost))
			m.lost = 0
		}
		m.items = append(m.items, item)
	} else {
		m.lost++
	}
	m.mu.Unlock()
	select {
	case m.kick <- struct{}{}:
	default:
	}
	return fits
}

// take answers the next item. Where there is none, lagging says that others would follow if there had been room.
func (m *mailbox[T]) take() (item T, ok, lagging bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.items) > 0 {
		var none T
		item, m.items[0] = m.items[0], none
		m.items = m.items[1:]
		return item, true, false
	}
	m.items = nil
	if m.lost > 0 && m.left != nil {
		item = m.left(m.lost)
		m.lost = 0
		return item, true, false
	}
	return item, false, m.lost > 0
}

// reset lets items in again after some were left out.
func (m *mailbox[T]) reset() {
	m.mu.Lock()
	m.lost = 0
	m.mu.Unlock()
}
