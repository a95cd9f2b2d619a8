package redisstore

import (
	"errors"
	"strconv"
	"strings"

	"github.com/oauthcore/oauthcore/store"
)

// A record is a string in Redis: a line with version, expiry and labels, separated by spaces, and then the
// value.

// head returns the part of the line that a Swap replaces.
func head(version, expires int64) string {
	return strconv.FormatInt(version, 10) + " " + strconv.FormatInt(expires, 10)
}

func encode(r store.Record) string {
	var b strings.Builder
	b.WriteString(head(r.Version, r.Expires))
	for _, l := range r.Labels {
		b.WriteByte(' ')
		b.WriteString(l)
	}
	b.WriteByte('\n')
	b.Write(r.Value)
	return b.String()
}

var errNoRecord = errors.New("what is stored under the key is no record")

// decode returns the record that data is, under key.
func decode(key, data string) (store.Record, error) {
	line, value, ok := strings.Cut(data, "\n")
	if !ok {
		return store.Record{}, errNoRecord
	}
	fields := strings.Split(line, " ")
	if len(fields) < 2 {
		return store.Record{}, errNoRecord
	}
	r := store.Record{Key: key, Value: []byte(value)}
	var err1, err2 error
	r.Version, err1 = strconv.ParseInt(fields[0], 10, 64)
	r.Expires, err2 = strconv.ParseInt(fields[1], 10, 64)
	if err1 != nil || err2 != nil || r.Version < 1 || r.Expires < 0 {
		return store.Record{}, errNoRecord
	}
	if len(fields) > 2 {
		r.Labels = fields[2:]
	}
	return r, nil
}
