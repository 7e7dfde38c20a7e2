CREATE TABLE record_corrections (
  id BIGSERIAL NOT NULL,
  record_id BIGINT NOT NULL,
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

CREATE INDEX ix_record_corrections_record_id ON record_corrections (record_id)

CREATE UNIQUE INDEX uq_record_corrections_in_force ON record_corrections (record_id) WHERE ended_at is null

CREATE TABLE corrected_outcomes (
  outcome_id BIGINT NOT NULL,
  correction_id BIGINT NOT NULL,
  CONSTRAINT pk_corrected_outcomes PRIMARY KEY (outcome_id),
  CONSTRAINT fk_corrected_outcomes_outcome_id FOREIGN KEY(outcome_id) REFERENCES outcomes (id),
  CONSTRAINT fk_corrected_outcomes_correction_id FOREIGN KEY(correction_id) REFERENCES record_corrections (id)
)

create trigger corrected_outcomes_no_update before update on corrected_outcomes
for each row execute function refuse_change('rows are never changed')

create trigger corrected_outcomes_no_delete before delete on corrected_outcomes
for each row execute function refuse_change('rows are never deleted')

create trigger corrected_outcomes_no_truncate before truncate on corrected_outcomes
for each statement execute function refuse_change('rows are never deleted')

create trigger record_corrections_no_delete before delete on record_corrections
for each row execute function refuse_change('rows are never deleted')

create trigger record_corrections_no_truncate before truncate on record_corrections
for each statement execute function refuse_change('rows are never deleted')

create trigger record_corrections_frozen before update of record_id, fields, reason, corrected_at, corrected_by on record_corrections
for each row when (old.record_id is distinct from new.record_id or old.fields is distinct from new.fields or old.reason is distinct from new.reason or old.corrected_at is distinct from new.corrected_at or old.corrected_by is distinct from new.corrected_by) execute function refuse_change('a fixed column was changed')

create trigger record_corrections_final before update of ended_at, ended_by, ended_reason on record_corrections
for each row when (old.ended_at is not null and (old.ended_at is distinct from new.ended_at or old.ended_by is distinct from new.ended_by or old.ended_reason is distinct from new.ended_reason)) execute function refuse_change('it has ended already')
