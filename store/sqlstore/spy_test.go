package sqlstore_test

import (
	"context"
	"database/sql/driver"
)

// spy is a driver in front of another. Its before is called with each statement and may answer in the place
// of the database.
type spy struct {
	driver.Connector
	before func(text string) error
	reads  driver.Connector // where queries go instead, if it is not nil
}

func (s *spy) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := s.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	c := &spyConn{Conn: conn, spy: s, reads: conn}
	if s.reads != nil {
		if c.reads, err = s.reads.Connect(ctx); err != nil {
			return nil, err
		}
	}
	return c, nil
}

type spyConn struct {
	driver.Conn
	spy   *spy
	reads driver.Conn
}

func (c *spyConn) Close() error {
	if c.reads != c.Conn {
		c.reads.Close()
	}
	return c.Conn.Close()
}

func (c *spyConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.spy.hear(text); err != nil {
		return nil, err
	}
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, text, args)
}

func (c *spyConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.spy.hear(text); err != nil {
		return nil, err
	}
	return c.reads.(driver.QueryerContext).QueryContext(ctx, text, args)
}

func (c *spyConn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	panic("a statement was prepared: " + text)
}

func (c *spyConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	panic("a transaction was begun")
}

func (c *spyConn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (s *spy) hear(text string) error {
	if s.before == nil {
		return nil
	}
	return s.before(text)
}
