package redis

import (
	"hash/fnv"
	"net/url"
	"strconv"

	"github.com/writ-host/writ/capabilities/kv/backend"
)

// names are those of one store's keys at the server. What is between braces
// decides the slot in a cluster, so a partition is in one slot.
//
//	writ:{guestbook/default/0}:kmessages/1   the key messages/1
//	writ:{guestbook/default/0}:i             the partition's index
//	writ:{guestbook/default}:n               the number of partitions
type names struct {
	prefix, store string
	partitions    int
}

func (s *Store) names(at backend.Caller) names {
	space := s.settings.Namespace
	if space == "" {
		space = at.App
	}
	return names{prefix: s.settings.Prefix, store: url.QueryEscape(space) + "/" + url.QueryEscape(at.Store), partitions: s.settings.Partitions}
}

// count is where the number of partitions is kept.
func (n names) count() string { return n.prefix + ":{" + n.store + "}:n" }

func (n names) slot(partition int) string {
	return n.prefix + ":{" + n.store + "/" + strconv.Itoa(partition) + "}:"
}

func (n names) index(partition int) string { return n.slot(partition) + "i" }

func (n names) key(partition int, key string) string { return n.slot(partition) + "k" + key }

// partition is where a key is.
func (n names) partition(key string) int {
	if n.partitions == 1 {
		return 0
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // it cannot fail
	return int(h.Sum32() % uint32(n.partitions))
}

// grouped are the indices of keys, by partition.
func (n names) grouped(count int, key func(int) string) map[int][]int {
	groups := map[int][]int{}
	for i := range count {
		p := n.partition(key(i))
		groups[p] = append(groups[p], i)
	}
	return groups
}
