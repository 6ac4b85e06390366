package redis

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"strings"

	redis "github.com/redis/go-redis/v9"
)

// The scripts. Each runs as a whole or, where a key is of another type than
// this package makes, stops there. A key's hash has its value as v and its
// version as n; KEYS[1] is the partition's index where there is one.
var (
	// setScript sets KEYS[2…] to versions ARGV[1]: key and value are in ARGV by turns.
	setScript = newScript(`
for i = 2, #KEYS do
  redis.call('HSET', KEYS[i], 'v', ARGV[2*i-1], 'n', ARGV[1])
  redis.call('ZADD', KEYS[1], 0, ARGV[2*i-2])
end
return 1`)

	// deleteScript deletes KEYS[2…], which are ARGV in the index.
	deleteScript = newScript(`
for i = 2, #KEYS do
  redis.call('DEL', KEYS[i])
  redis.call('ZREM', KEYS[1], ARGV[i-1])
end
return 1`)

	// getScript answers value and version of KEYS, unless they are larger than ARGV[1].
	getScript = newScript(`
local size = 0
for i = 1, #KEYS do size = size + redis.call('HSTRLEN', KEYS[i], 'v') end
if size > tonumber(ARGV[1]) then return size end
local out = {}
for i = 1, #KEYS do out[i] = redis.call('HMGET', KEYS[i], 'v', 'n') end
return out`)

	// incrementScript adds ARGV[2] to KEYS[2], with version ARGV[1] and key ARGV[3],
	// and answers the sum as text: Lua's numbers have 53 bits. It answers nothing
	// where Redis does not add, which may still be a number to us.
	incrementScript = newScript(`
local sum = redis.pcall('HINCRBY', KEYS[2], 'v', ARGV[2])
if type(sum) == 'table' then return false end
redis.call('HSET', KEYS[2], 'n', ARGV[1])
redis.call('ZADD', KEYS[1], 0, ARGV[3])
return redis.call('HGET', KEYS[2], 'v')`)

	// swapScript sets KEYS[2] from version ARGV[1] to version ARGV[2] and value
	// ARGV[3], with key ARGV[4], or answers what is there.
	swapScript = newScript(`
if (redis.call('HGET', KEYS[2], 'n') or '` + absent + `') ~= ARGV[1] then return redis.call('HMGET', KEYS[2], 'v', 'n') end
redis.call('HSET', KEYS[2], 'v', ARGV[3], 'n', ARGV[2])
redis.call('ZADD', KEYS[1], 0, ARGV[4])
return 1`)

	// settleScript answers the number of partitions, which is ARGV[1] if nobody said before.
	settleScript = newScript(`
local n = redis.call('GET', KEYS[1])
if n then return n end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]`)
)

// once is a command that the client must not send again by itself: the server
// may have done it already.
type once struct{ *redis.Cmd }

// NoRetry implements redis.Cmder.
func (once) NoRetry() bool { return true }

// script is one with the digest that the server knows it by.
type script struct{ text, digest string }

func newScript(text string) *script {
	sum := sha1.Sum([]byte(text)) // which is what the protocol has; it proves nothing
	return &script{text: text, digest: hex.EncodeToString(sum[:])}
}

// run runs a script, whose text the server is sent when it does not know it.
func (s *Store) run(ctx context.Context, script *script, keys []string, args ...any) (any, error) {
	send := func(command, text string) (any, error) {
		all := make([]any, 0, 3+len(keys)+len(args))
		all = append(all, command, text, len(keys))
		for _, k := range keys {
			all = append(all, k)
		}
		c := once{redis.NewCmd(ctx, append(all, args...)...)}
		_ = s.client.Process(ctx, c) // its error is the command's
		return c.Result()
	}
	v, err := send("evalsha", script.digest)
	if err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT") {
		return send("eval", script.text)
	}
	return v, err
}
