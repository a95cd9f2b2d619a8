CREATE TABLE oauth_records (
	record_key VARBINARY(128) NOT NULL PRIMARY KEY,
	version BIGINT NOT NULL,
	expires BIGINT NOT NULL,
	sweep_at BIGINT NOT NULL,
	labels VARCHAR(2100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
	value MEDIUMBLOB NOT NULL,
	INDEX oauth_records_sweep_at (sweep_at)
) ENGINE=InnoDB;

CREATE TABLE oauth_records_labels (
	label VARBINARY(128) NOT NULL,
	record_key VARBINARY(128) NOT NULL,
	PRIMARY KEY (label, record_key),
	INDEX oauth_records_labels_record_key (record_key),
	CONSTRAINT oauth_records_labels_of FOREIGN KEY (record_key) REFERENCES oauth_records (record_key) ON DELETE CASCADE
) ENGINE=InnoDB;

CREATE TRIGGER oauth_records_created AFTER INSERT ON oauth_records FOR EACH ROW
INSERT INTO oauth_records_labels (label, record_key)
SELECT j.label, NEW.record_key FROM JSON_TABLE(NEW.labels, '$[*]' COLUMNS (label VARCHAR(128) PATH '$')) j;
