CREATE TABLE record_corrections (
  id INTEGER NOT NULL,
  record_id INTEGER NOT NULL,
  fields TEXT NOT NULL,
  reason TEXT NOT NULL,
  corrected_at TEXT NOT NULL,
  corrected_by TEXT NOT NULL,
  ended_at TEXT,
  ended_by TEXT,
  ended_reason TEXT,
  CONSTRAINT pk_record_corrections PRIMARY KEY (id),
  CONSTRAINT ck_record_corrections_ended CHECK ((ended_at is null) = (ended_by is null) and (ended_at is null) = (ended_reason is null)),
  CONSTRAINT fk_record_corrections_record_id FOREIGN KEY(record_id) REFERENCES source_records (id)
)
 STRICT

CREATE INDEX ix_record_corrections_record_id ON record_corrections (record_id)

CREATE UNIQUE INDEX uq_record_corrections_in_force ON record_corrections (record_id) WHERE ended_at is null

CREATE TABLE corrected_outcomes (
  outcome_id INTEGER NOT NULL,
  correction_id INTEGER NOT NULL,
  CONSTRAINT pk_corrected_outcomes PRIMARY KEY (outcome_id),
  CONSTRAINT fk_corrected_outcomes_outcome_id FOREIGN KEY(outcome_id) REFERENCES outcomes (id),
  CONSTRAINT fk_corrected_outcomes_correction_id FOREIGN KEY(correction_id) REFERENCES record_corrections (id)
)
 STRICT

create trigger corrected_outcomes_no_update before update on corrected_outcomes
begin select raise(abort, 'corrected_outcomes: rows are never changed'); end

create trigger corrected_outcomes_no_delete before delete on corrected_outcomes
begin select raise(abort, 'corrected_outcomes: rows are never deleted'); end

create trigger record_corrections_no_delete before delete on record_corrections
begin select raise(abort, 'record_corrections: rows are never deleted'); end

create trigger record_corrections_frozen before update of record_id, fields, reason, corrected_at, corrected_by on record_corrections when old.record_id is not new.record_id or old.fields is not new.fields or old.reason is not new.reason or old.corrected_at is not new.corrected_at or old.corrected_by is not new.corrected_by
begin select raise(abort, 'record_corrections: a fixed column was changed'); end

create trigger record_corrections_final before update of ended_at, ended_by, ended_reason on record_corrections when old.ended_at is not null and (old.ended_at is not new.ended_at or old.ended_by is not new.ended_by or old.ended_reason is not new.ended_reason)
begin select raise(abort, 'record_corrections: it has ended already'); end
