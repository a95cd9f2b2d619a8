CREATE TABLE oauth_records (
	record_key text COLLATE "C" NOT NULL PRIMARY KEY,
	version bigint NOT NULL,
	expires bigint NOT NULL,
	sweep_at bigint NOT NULL,
	labels text COLLATE "C" NOT NULL,
	value bytea NOT NULL
) WITH (fillfactor = 70);

CREATE INDEX oauth_records_sweep_at ON oauth_records (sweep_at);

CREATE TABLE oauth_records_labels (
	label text COLLATE "C" NOT NULL,
	record_key text COLLATE "C" NOT NULL REFERENCES oauth_records ON DELETE CASCADE,
	PRIMARY KEY (label, record_key)
);

CREATE INDEX oauth_records_labels_record_key ON oauth_records_labels (record_key);
