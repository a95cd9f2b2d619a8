CREATE TABLE oauth_records (
	record_key TEXT NOT NULL PRIMARY KEY,
	version INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	sweep_at INTEGER NOT NULL,
	labels TEXT NOT NULL,
	value BLOB NOT NULL
) STRICT;

CREATE INDEX oauth_records_sweep_at ON oauth_records (sweep_at);

CREATE TABLE oauth_records_labels (
	label TEXT NOT NULL,
	record_key TEXT NOT NULL,
	PRIMARY KEY (label, record_key)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER oauth_records_created AFTER INSERT ON oauth_records WHEN new.labels <> '[]' BEGIN
	INSERT INTO oauth_records_labels (label, record_key) SELECT value, new.record_key FROM json_each(new.labels);
END;

CREATE TRIGGER oauth_records_dropped AFTER DELETE ON oauth_records WHEN old.labels <> '[]' BEGIN
	DELETE FROM oauth_records_labels
	WHERE record_key = old.record_key AND label IN (SELECT value FROM json_each(old.labels));
END;

CREATE TRIGGER oauth_records_sooner AFTER UPDATE OF expires ON oauth_records
WHEN new.expires > 0 AND new.expires < new.sweep_at BEGIN
	UPDATE oauth_records SET sweep_at = new.expires WHERE record_key = new.record_key;
END;
