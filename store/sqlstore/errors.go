package sqlstore

import (
	"errors"
	"reflect"
)

// aborted reports whether err says that the database rolled the statement back because of others that ran
// at the same time: a serialization failure, a deadlock, a lock that was not to be had. Such a write is
// known not to have happened.
func (d Dialect) aborted(err error) bool {
	switch d {
	case PostgreSQL:
		switch sqlState(err) {
		case "40001", "40P01", "55P03": // serialization_failure, deadlock_detected, lock_not_available
			return true
		}
	case SQLite:
		code := number(err, "Code") & 0xff // an extended code has more in the higher bits
		return code == 5 || code == 6      // SQLITE_BUSY, SQLITE_LOCKED
	case MySQL:
		switch number(err, "Number") {
		case 1020, 1205, 1213: // ER_CHECKREAD, ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK
			return true
		}
	}
	return false
}

// exists reports whether err is MySQL's way to say that a key is present. The other dialects say it
// by the number of rows.
func (d Dialect) exists(err error) bool {
	return d == MySQL && number(err, "Number") == 1062 // ER_DUP_ENTRY
}

// sqlState returns the five characters of the SQL standard that err carries, as pgx and lib/pq tell them.
func sqlState(err error) string {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return state.SQLState()
	}
	return ""
}

// number returns the integer that an error in the tree of err has as a field of that name, or as a method
// Code, and 0 if none has. Drivers have no interface in common for it, and to name their types would be to
// import them: go-sql-driver has the field Number, mattn's driver the field Code, those of modernc and
// ncruces a method.
func number(err error, field string) int64 {
	if err == nil {
		return 0
	}
	v := reflect.ValueOf(err)
	if s := reflect.Indirect(v); s.Kind() == reflect.Struct {
		if n := integer(s.FieldByName(field)); n != 0 {
			return n
		}
	}
	if m := v.MethodByName("Code"); field == "Code" && m.IsValid() && m.Type().NumIn() == 0 && m.Type().NumOut() == 1 {
		if n := integer(m.Call(nil)[0]); n != 0 {
			return n
		}
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return number(e.Unwrap(), field)
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			if n := number(err, field); n != 0 {
				return n
			}
		}
	}
	return 0
}

func integer(v reflect.Value) int64 {
	switch {
	case v.IsValid() && v.CanInt():
		return v.Int()
	case v.IsValid() && v.CanUint():
		return int64(v.Uint())
	}
	return 0
}
