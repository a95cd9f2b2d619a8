// Package sqlstore is a [store.Store] in a SQL database, over [database/sql]: PostgreSQL, SQLite, MySQL and
// MariaDB. It imports no driver.
//
//	db, err := sql.Open("pgx", "postgres://oauth@db.example.com/oauth")
//	// ...
//	s, err := sqlstore.Open(ctx, db, sqlstore.PostgreSQL, nil)
//
// The tables are those of [Schema], created by a migration of one's own or by [Options].Create. Open checks
// them and the settings of the database; [store.Probe] tries out what no setting shows, such as a proxy
// that sends reads to a replica. Call both when the server starts, and [Store.Sweep] from time to time.
//
// # Data sources
//
// Each method sends one statement, [Store.Sweep] two or more, and none is prepared or part of a transaction
// that spans two. With the settings below a statement is also one round trip.
//
// PostgreSQL with pgx needs none of its own. Behind a proxy that pools by transaction, such as PgBouncer,
// pgx's cache of statements has to be off:
//
//	postgres://oauth@proxy.example.com/oauth?default_query_exec_mode=exec
//
// With lib/pq, binary_parameters=yes saves a round trip and is what such a proxy needs.
//
// SQLite, as modernc.org/sqlite has its settings; a file on a local disk, for WAL needs shared memory:
//
//	file:/var/lib/oauth.db?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)
//
// MySQL and MariaDB with go-sql-driver, with which interpolateParams=true saves two round trips:
//
//	oauth@tcp(db.example.com)/oauth?interpolateParams=true
//
// A MySQL that writes a binary log lets nobody but an administrator create the trigger of the schema,
// unless log_bin_trust_function_creators is set meanwhile.
//
// The tests run the whole suite of package storetest on PostgreSQL with pgx at READ COMMITTED, the same at
// SERIALIZABLE behind PgBouncer, on SQLite with modernc.org/sqlite, and on MariaDB with go-sql-driver.
//
// # Durability
//
// A write that returned nil is on the disk of the server that answered, as far as its settings go and Open
// can see them: PostgreSQL with fsync and with a synchronous_commit that is not off, SQLite with WAL and
// synchronous=FULL, MySQL with innodb_flush_log_at_trx_commit=1, and sync_binlog=1 if there is a binary
// log. [Options].InsecureDurability accepts less.
//
// That a standby has it too when it takes over is a matter of replication: in PostgreSQL
// synchronous_standby_names, with a synchronous_commit of on or remote_apply. With a replica that follows
// later, a failover takes back the last writes, and a code redeemed just before can be redeemed again.
//
// # Errors
//
// An error of a write that is no sentinel leaves open whether it happened. A statement that the database
// aborted because of others (a serialization failure, a deadlock, a lock it did not get) is known not to
// have happened; it is sent again, as it is, for up to two seconds. Then Swap answers [store.ErrConflict],
// and the others an error. This package repeats nothing else.
//
// database/sql sends a statement again if the driver answers [database/sql/driver.ErrBadConn], which pgx
// and go-sql-driver do only if nothing was sent, or the server refused it. A driver that repeats more can do no harm but to turn a
// success into a refusal, since each write has a condition that holds once; the library reads again after
// either. No driver named here has retries of writes to switch off.
//
// The errors of drivers are wrapped. They hold no value, but may hold a key.
//
// # Isolation
//
// Statements are right at READ COMMITTED, REPEATABLE READ and SERIALIZABLE, whichever is the default of the
// database. READ COMMITTED costs least: next to nothing is aborted there. At SERIALIZABLE PostgreSQL aborts
// some statements that only came close to each other, which are then sent again.
//
// A cluster with several servers to write to, such as Galera, answers from any of them with what it has
// heard so far. Let one server have all connections.
//
// # Distributed databases
//
// CockroachDB and YugabyteDB speak the dialect [PostgreSQL] and run the same statements; the nearest that
// the tests of this package come to them is PostgreSQL at SERIALIZABLE. CockroachDB runs each statement at
// SERIALIZABLE unless told otherwise, and retries most of what it aborts itself; the rest arrives as 40001.
// Its text is compared bytewise and takes no COLLATE "C" in a table:
//
//	CREATE TABLE oauth_records (
//		record_key text NOT NULL PRIMARY KEY,
//		version bigint NOT NULL,
//		expires bigint NOT NULL,
//		sweep_at bigint NOT NULL,
//		labels text NOT NULL,
//		value bytea NOT NULL
//	);
//	CREATE INDEX oauth_records_sweep_at ON oauth_records (sweep_at);
//	CREATE TABLE oauth_records_labels (
//		label text NOT NULL,
//		record_key text NOT NULL REFERENCES oauth_records ON DELETE CASCADE,
//		PRIMARY KEY (label, record_key)
//	);
//	CREATE INDEX oauth_records_labels_record_key ON oauth_records_labels (record_key);
//
// YugabyteDB runs READ COMMITTED as REPEATABLE READ unless yb_enable_read_committed_isolation is set, and
// reports conflicts as 40001. It distributes the first column of a key by hash, which suits the keys of
// records and the labels; sweep_at is read as a range and has to be stored as one:
//
//	CREATE TABLE oauth_records (
//		record_key text COLLATE "C" NOT NULL,
//		version bigint NOT NULL,
//		expires bigint NOT NULL,
//		sweep_at bigint NOT NULL,
//		labels text COLLATE "C" NOT NULL,
//		value bytea NOT NULL,
//		PRIMARY KEY (record_key HASH)
//	);
//	CREATE INDEX oauth_records_sweep_at ON oauth_records (sweep_at ASC);
//	CREATE TABLE oauth_records_labels (
//		label text COLLATE "C" NOT NULL,
//		record_key text COLLATE "C" NOT NULL REFERENCES oauth_records ON DELETE CASCADE,
//		PRIMARY KEY (label HASH, record_key ASC)
//	);
//	CREATE INDEX oauth_records_labels_record_key ON oauth_records_labels (record_key HASH);
//
// Reads that follow (follower reads, stale reads) must stay off in both.
//
// # Measured
//
// A whole server in one process on two shared cores, the database on the same machine, 1,000 grants, each commit
// on the disk; for 1, 8 and 64 clients the requests per second, and the median and the 99th percentile in
// milliseconds. A server does little else than wait: look at the proportions (BenchmarkServer).
//
//	                                                1 client          8 clients         64 clients
//	PostgreSQL                 refresh        1660  0.6  1.3     5190  1.3  4.8     5400   11   32
//	                           exchange       1940  0.5  1.3     5610  1.3  3.8     5940  9.7   27
//	                           introspect     9600  0.1  0.3    14610  0.2  5.6    13150  3.7   18
//	  SERIALIZABLE, PgBouncer  refresh         940  1.0  2.4     2990  2.5  5.7     3410   17   44
//	                           exchange       1140  0.8  1.8     2180  3.5  7.7     2820   21   55
//	                           introspect     2000  0.5  0.9     5580  1.3  3.7     6390  8.7   28
//	MariaDB                    refresh        1270  0.7  1.9     3650  1.9  6.2     4400   13   35
//	                           exchange       1190  0.8  1.8     4860  1.5  4.6     4690   12   40
//	                           introspect     4140  0.2  0.7    12250  0.5  3.2    12890  4.3   16
//	SQLite                     refresh        3130  0.3  0.8     3060  2.5  4.0     2890   21   35
//	                           exchange       2860  0.3  0.9     2860  2.7  4.2     3150   19   27
//	                           introspect    19640  0.0  0.2    32810  0.0  2.1    29180  1.8  7.0
//
// A refresh or a code exchange is at most three reads, four where an installation applies, and one write,
// which is one statement each; introspection and a retry within the grace write nothing. An app that
// authenticates by assertion costs one write more, and so does a handle. Above the apps are a registry.Static,
// which spares one of the reads.
//
// On PostgreSQL a rotation, its read included, is 242 bytes of WAL and 10,300 of them a second for 8 clients. A
// design with a row for each token, in the same run, took 1,110 bytes and did 4,400 a second: 2.3 times less,
// with 4.6 times the WAL (BenchmarkRotation). If such a row carries no data of the grant it is 680 bytes, 2.8
// times ours, and no more of them a second. Among 1,000,000 grants the median of a rotation was 12 to 15 % above that among
// 1,000 (BenchmarkGrants). 1,000,000 rotations of 20,000 grants by 8 clients were heap-only but for 13, and
// tables and indexes of 13.52 MB grew by 16 kB (TestRotationIsHeapOnly with OAUTHCORE_LONG=1).
//
// # Design
//
// A rotation of a refresh token is one UPDATE of one row, and it must stay as cheap after a million of them. No index
// holds anything that it changes, so PostgreSQL keeps it a heap-only update: no index entry, no dead row that
// waits for vacuum. fillfactor leaves room for it in the page. Whoever adds an index on version, expires or value gives all of it up.
//
// Sweep needs an index all the same, so it has a column of its own: sweep_at is an instant before which the
// record cannot expire. Swap moves it only to an earlier one, when it has to, and a refresh extends. Sweep
// first corrects the records whose sweep_at has passed and that live on, once for each time they are
// extended past it and not once for each refresh, and then drops those that are dead. An index on expires
// would be simpler, and would be written by every refresh.
//
// Labels are in a table of their own that the database keeps in step within the statement that creates or
// drops a record: a CTE and a foreign key in PostgreSQL, triggers in SQLite, one of each in MySQL. A GIN
// index or a multi-valued one would do without the table, but holds no order of keys and is in one dialect
// only; a row for each label beside the records would make Get choose among them. The record repeats its
// labels, so that no read joins but List. Grants carry none, and touch one table.
//
// Transactions of several statements would allow plainer ones, and hold locks over round trips, tie up
// connections, and break behind a proxy that pools by statement. Statements prepared by this package would
// save some parsing and break behind one that pools by transaction. A driver may still do either by itself,
// as its user sets it.
//
// PostgreSQL and SQLite say by the number of rows that a key is there. MySQL has INSERT IGNORE for it,
// which ignores other errors too, and a count that depends on a flag of the connection: there the error of
// the plain INSERT is told by its number. The numbers of errors are found by reflection, because drivers
// share no interface for them, and texts differ between versions.
//
// SQLite has one writer at a time. Writers of one process wait in a queue of this package, in which a
// context can end the wait, and not in SQLite, which polls. That is why the pool may have any number of
// connections, and readers use them while someone writes.
//
// A Swap that was aborted is repeated here, because the caller could only read the same version again: the
// condition on the version decides as it did before. The contract's "one attempt" forbids reading the new
// version and writing at that, which would take back another's write.
package sqlstore
