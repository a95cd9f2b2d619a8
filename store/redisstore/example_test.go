package redisstore_test

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/oauthcore/oauthcore/store/redisstore"
)

// Open says what is wrong before a request comes. Here nothing asked go-redis to heed deadlines.
func ExampleOpen() {
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:6379"})
	defer client.Close()
	_, err := redisstore.Open(context.Background(), client, nil)
	fmt.Println(err)
	// Output: redisstore: client: ContextTimeoutEnabled is off: a call would outlive its context by the read timeout
}
