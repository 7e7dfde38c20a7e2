CREATE TABLE api_tokens (
  id BIGSERIAL NOT NULL,
  name TEXT NOT NULL,
  prefix TEXT NOT NULL,
  token_sha256 BYTEA NOT NULL,
  role TEXT NOT NULL,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  expires_at TEXT,
  last_used_at TEXT,
  revoked_at TEXT,
  CONSTRAINT pk_api_tokens PRIMARY KEY (id),
  CONSTRAINT ck_api_tokens_role CHECK (role = 'viewer' or role = 'operator' or role = 'mapping_author' or role = 'approver' or role = 'admin'),
  CONSTRAINT uq_api_tokens_prefix UNIQUE (prefix)
)

CREATE TABLE audit_log (
  seq BIGINT NOT NULL,
  at TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL,
  previous_hash BYTEA NOT NULL,
  hash BYTEA NOT NULL,
  CONSTRAINT pk_audit_log PRIMARY KEY (seq)
)

CREATE INDEX ix_audit_log_subject ON audit_log (subject)

CREATE TABLE buyer_limits (
  financier TEXT NOT NULL,
  company_id TEXT NOT NULL,
  status TEXT NOT NULL,
  raw_status TEXT,
  currency TEXT NOT NULL,
  requested_minor_units BIGINT,
  total_minor_units BIGINT,
  available_minor_units BIGINT,
  checked_at TEXT NOT NULL,
  requested_at TEXT,
  requested_by TEXT,
  CONSTRAINT pk_buyer_limits PRIMARY KEY (financier, company_id),
  CONSTRAINT ck_buyer_limits_status CHECK (status = 'none' or status = 'under_review' or status = 'approved' or status = 'denied' or status = 'unknown')
)

CREATE TABLE company_links (
  connection TEXT NOT NULL,
  counterparty_id TEXT NOT NULL,
  financier TEXT NOT NULL,
  company_id TEXT NOT NULL,
  how TEXT NOT NULL,
  linked_by TEXT NOT NULL,
  linked_at TEXT NOT NULL,
  CONSTRAINT pk_company_links PRIMARY KEY (connection, counterparty_id, financier),
  CONSTRAINT ck_company_links_how CHECK (how = 'hand' or how = 'created')
)

CREATE TABLE connection_states (
  connection TEXT NOT NULL,
  state TEXT NOT NULL,
  failures INTEGER NOT NULL,
  next_attempt_at TEXT,
  last_success_at TEXT,
  error_class TEXT,
  error TEXT,
  reconcile_first INTEGER DEFAULT 0 NOT NULL,
  CONSTRAINT pk_connection_states PRIMARY KEY (connection),
  CONSTRAINT ck_connection_states_state CHECK (state = 'ok' or state = 'backing_off' or state = 'reconnect' or state = 'drift' or state = 'paused')
)

CREATE TABLE cursors (
  connection TEXT NOT NULL,
  stream TEXT NOT NULL,
  cursor TEXT NOT NULL,
  moved_at TEXT NOT NULL,
  last_full_walk_at TEXT,
  CONSTRAINT pk_cursors PRIMARY KEY (connection, stream)
)

CREATE TABLE feed_endpoints (
  name TEXT NOT NULL,
  state TEXT NOT NULL,
  reason TEXT,
  position BIGINT NOT NULL,
  failures INTEGER NOT NULL,
  failing_since TEXT,
  next_attempt_at TEXT,
  last_success_at TEXT,
  error TEXT,
  CONSTRAINT pk_feed_endpoints PRIMARY KEY (name),
  CONSTRAINT ck_feed_endpoints_state CHECK (state = 'enabled' or state = 'disabled' or state = 'off' or state = 'removed'),
  CONSTRAINT ck_feed_endpoints_reason CHECK (state <> 'disabled' or reason is not null)
)

CREATE TABLE inbox (
  id BIGSERIAL NOT NULL,
  endpoint TEXT NOT NULL,
  event_id TEXT NOT NULL,
  verification TEXT NOT NULL,
  body BYTEA NOT NULL,
  received_at TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt_at TEXT,
  lease_token TEXT,
  lease_expires_at TEXT,
  reason TEXT,
  finished_at TEXT,
  CONSTRAINT pk_inbox PRIMARY KEY (id),
  CONSTRAINT uq_inbox_endpoint_event_id UNIQUE (endpoint, event_id),
  CONSTRAINT ck_inbox_verification CHECK (verification = 'signed' or verification = 'hint'),
  CONSTRAINT ck_inbox_state CHECK (state = 'received' or state = 'done' or state = 'quarantined')
)

CREATE INDEX ix_inbox_due ON inbox (endpoint, next_attempt_at) WHERE next_attempt_at is not null

CREATE INDEX ix_inbox_quarantined ON inbox (endpoint, id) WHERE state = 'quarantined'

CREATE TABLE mapping_documents (
  id BIGSERIAL NOT NULL,
  layer TEXT NOT NULL,
  name TEXT NOT NULL,
  version_no INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  document TEXT NOT NULL,
  based_on BIGINT,
  note TEXT,
  state TEXT NOT NULL,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  approved_at TEXT,
  approved_by TEXT,
  activated_at TEXT,
  activated_by TEXT,
  replaces BIGINT,
  CONSTRAINT pk_mapping_documents PRIMARY KEY (id),
  CONSTRAINT uq_mapping_documents_layer_name_version_no UNIQUE (layer, name, version_no),
  CONSTRAINT ck_mapping_documents_layer CHECK (layer = 'base' or layer = 'company' or layer = 'connection'),
  CONSTRAINT ck_mapping_documents_state CHECK (state = 'draft' or state = 'checked' or state = 'backtested' or state = 'approved' or state = 'active' or state = 'superseded' or state = 'withdrawn'),
  CONSTRAINT ck_mapping_documents_approved CHECK ((approved_at is null) = (approved_by is null)),
  CONSTRAINT fk_mapping_documents_based_on FOREIGN KEY(based_on) REFERENCES mapping_documents (id),
  CONSTRAINT fk_mapping_documents_replaces FOREIGN KEY(replaces) REFERENCES mapping_documents (id)
)

CREATE UNIQUE INDEX uq_mapping_documents_active ON mapping_documents (layer, name) WHERE state = 'active'

CREATE TABLE mapping_files (
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  seen_at TEXT NOT NULL,
  CONSTRAINT pk_mapping_files PRIMARY KEY (name)
)

CREATE TABLE mapping_versions (
  id BIGSERIAL NOT NULL,
  name TEXT NOT NULL,
  version_no INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  document TEXT NOT NULL,
  layers TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  activated_at TEXT,
  remap_since TEXT,
  remapped_at TEXT,
  CONSTRAINT pk_mapping_versions PRIMARY KEY (id),
  CONSTRAINT uq_mapping_versions_name_version_no UNIQUE (name, version_no),
  CONSTRAINT ck_mapping_versions_state CHECK (state = 'draft' or state = 'active' or state = 'superseded')
)

CREATE UNIQUE INDEX uq_mapping_versions_active ON mapping_versions (name) WHERE state = 'active'

CREATE TABLE page_marks (
  connection TEXT NOT NULL,
  stream TEXT NOT NULL,
  page INTEGER NOT NULL,
  digest BYTEA NOT NULL,
  size INTEGER NOT NULL,
  CONSTRAINT pk_page_marks PRIMARY KEY (connection, stream, page)
)

CREATE TABLE people (
  id BIGSERIAL NOT NULL,
  email TEXT NOT NULL,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  state TEXT NOT NULL,
  password_hash TEXT,
  must_change_password INTEGER NOT NULL,
  issuer TEXT,
  subject TEXT,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  last_sign_in_at TEXT,
  CONSTRAINT pk_people PRIMARY KEY (id),
  CONSTRAINT ck_people_role CHECK (role = 'viewer' or role = 'operator' or role = 'mapping_author' or role = 'approver' or role = 'admin'),
  CONSTRAINT ck_people_state CHECK (state = 'active' or state = 'disabled'),
  CONSTRAINT ck_people_must_change CHECK (must_change_password = 0 or must_change_password = 1),
  CONSTRAINT ck_people_email CHECK (email = lower(email)),
  CONSTRAINT ck_people_identity CHECK ((issuer is null) = (subject is null)),
  CONSTRAINT uq_people_email UNIQUE (email),
  CONSTRAINT uq_people_issuer_subject UNIQUE (issuer, subject)
)

CREATE TABLE runs (
  id BIGSERIAL NOT NULL,
  connection TEXT NOT NULL,
  stream TEXT NOT NULL,
  task TEXT NOT NULL,
  state TEXT NOT NULL,
  started_at TEXT NOT NULL,
  finished_at TEXT,
  pages INTEGER NOT NULL,
  records_seen INTEGER NOT NULL,
  records_changed INTEGER NOT NULL,
  drifted INTEGER NOT NULL,
  error_class TEXT,
  error TEXT,
  CONSTRAINT pk_runs PRIMARY KEY (id),
  CONSTRAINT ck_runs_task CHECK (task = 'pull' or task = 'hear' or task = 'remap' or task = 'recheck'),
  CONSTRAINT ck_runs_state CHECK (state = 'running' or state = 'succeeded' or state = 'failed' or state = 'interrupted')
)

CREATE INDEX ix_runs_connection_stream_id ON runs (connection, stream, id)

CREATE TABLE sign_in_brakes (
  subject_hash BYTEA NOT NULL,
  failures INTEGER NOT NULL,
  last_failed_at TEXT NOT NULL,
  free_at TEXT NOT NULL,
  CONSTRAINT pk_sign_in_brakes PRIMARY KEY (subject_hash)
)

CREATE INDEX ix_sign_in_brakes_last_failed_at ON sign_in_brakes (last_failed_at)

CREATE TABLE source_records (
  id BIGSERIAL NOT NULL,
  connection TEXT NOT NULL,
  stream TEXT NOT NULL,
  source_id TEXT NOT NULL,
  latest_version_id BIGINT NOT NULL,
  latest_version_no INTEGER NOT NULL,
  content_hash BYTEA NOT NULL,
  page INTEGER,
  outcome_id BIGINT,
  outcome_kind TEXT,
  reason_code TEXT,
  recheck_on TEXT,
  CONSTRAINT pk_source_records PRIMARY KEY (id),
  CONSTRAINT uq_source_records_connection_stream_source_id UNIQUE (connection, stream, source_id)
)

CREATE INDEX ix_source_records_outcome_kind_reason_code ON source_records (outcome_kind, reason_code)

CREATE INDEX ix_source_records_recheck_on ON source_records (recheck_on) WHERE recheck_on is not null

CREATE TABLE counterparties (
  connection TEXT NOT NULL,
  counterparty_id TEXT NOT NULL,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  country TEXT,
  tax_id TEXT,
  email TEXT,
  address TEXT NOT NULL,
  record_id BIGINT NOT NULL,
  CONSTRAINT pk_counterparties PRIMARY KEY (connection, counterparty_id),
  CONSTRAINT ck_counterparties_role CHECK (role = 'buyer' or role = 'supplier' or role = 'both' or role = 'own'),
  CONSTRAINT fk_counterparties_record_id FOREIGN KEY(record_id) REFERENCES source_records (id)
)

CREATE TABLE inbox_assignments (
  subject TEXT NOT NULL,
  person_id BIGINT NOT NULL,
  assigned_at TEXT NOT NULL,
  assigned_by TEXT NOT NULL,
  CONSTRAINT pk_inbox_assignments PRIMARY KEY (subject),
  CONSTRAINT fk_inbox_assignments_person_id FOREIGN KEY(person_id) REFERENCES people (id)
)

CREATE INDEX ix_inbox_assignments_person_id ON inbox_assignments (person_id)

CREATE TABLE invoice_documents (
  id BIGSERIAL NOT NULL,
  record_id BIGINT NOT NULL,
  purpose TEXT NOT NULL,
  name TEXT NOT NULL,
  file_format TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  content BYTEA NOT NULL,
  origin TEXT NOT NULL,
  added_at TEXT NOT NULL,
  added_by TEXT NOT NULL,
  CONSTRAINT pk_invoice_documents PRIMARY KEY (id),
  CONSTRAINT uq_invoice_documents_record_id_purpose_sha256 UNIQUE (record_id, purpose, sha256),
  CONSTRAINT ck_invoice_documents_purpose CHECK (purpose = 'invoice' or purpose = 'transport' or purpose = 'packing_list' or purpose = 'purchase_order' or purpose = 'shipping_bill' or purpose = 'sales_contract' or purpose = 'financial_statement' or purpose = 'trade_history'),
  CONSTRAINT ck_invoice_documents_origin CHECK (origin = 'attachment' or origin = 'hand' or origin = 'rendered'),
  CONSTRAINT fk_invoice_documents_record_id FOREIGN KEY(record_id) REFERENCES source_records (id)
)

CREATE TABLE manual_exclusions (
  id BIGSERIAL NOT NULL,
  record_id BIGINT NOT NULL,
  reason TEXT NOT NULL,
  excluded_at TEXT NOT NULL,
  excluded_by TEXT NOT NULL,
  revoked_at TEXT,
  revoked_by TEXT,
  CONSTRAINT pk_manual_exclusions PRIMARY KEY (id),
  CONSTRAINT ck_manual_exclusions_revoked CHECK ((revoked_at is null) = (revoked_by is null)),
  CONSTRAINT fk_manual_exclusions_record_id FOREIGN KEY(record_id) REFERENCES source_records (id)
)

CREATE UNIQUE INDEX uq_manual_exclusions_in_force ON manual_exclusions (record_id) WHERE revoked_at is null

CREATE TABLE mapping_examples (
  id BIGSERIAL NOT NULL,
  connection TEXT NOT NULL,
  name TEXT NOT NULL,
  version_no INTEGER NOT NULL,
  state TEXT NOT NULL,
  document_id BIGINT,
  source_id TEXT NOT NULL,
  raw BYTEA NOT NULL,
  today TEXT NOT NULL,
  expected TEXT NOT NULL,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  CONSTRAINT pk_mapping_examples PRIMARY KEY (id),
  CONSTRAINT uq_mapping_examples_connection_name_version_no UNIQUE (connection, name, version_no),
  CONSTRAINT ck_mapping_examples_state CHECK (state = 'proposed' or state = 'pinned' or state = 'superseded' or state = 'retired'),
  CONSTRAINT ck_mapping_examples_proposed CHECK (state <> 'proposed' or document_id is not null),
  CONSTRAINT fk_mapping_examples_document_id FOREIGN KEY(document_id) REFERENCES mapping_documents (id)
)

CREATE UNIQUE INDEX uq_mapping_examples_pinned ON mapping_examples (connection, name) WHERE state = 'pinned'

CREATE TABLE mapping_trials (
  id BIGSERIAL NOT NULL,
  kind TEXT NOT NULL,
  document_id BIGINT NOT NULL,
  connection TEXT NOT NULL,
  active_version_id BIGINT NOT NULL,
  state TEXT NOT NULL,
  scope TEXT NOT NULL,
  started_at TEXT NOT NULL,
  started_by TEXT NOT NULL,
  until TEXT,
  finished_at TEXT,
  records INTEGER NOT NULL,
  report TEXT,
  error TEXT,
  CONSTRAINT pk_mapping_trials PRIMARY KEY (id),
  CONSTRAINT ck_mapping_trials_kind CHECK (kind = 'backtest' or kind = 'shadow'),
  CONSTRAINT ck_mapping_trials_state CHECK (state = 'waiting' or state = 'running' or state = 'finished' or state = 'failed'),
  CONSTRAINT fk_mapping_trials_document_id FOREIGN KEY(document_id) REFERENCES mapping_documents (id),
  CONSTRAINT fk_mapping_trials_active_version_id FOREIGN KEY(active_version_id) REFERENCES mapping_versions (id)
)

CREATE INDEX ix_mapping_trials_document_id ON mapping_trials (document_id)

CREATE UNIQUE INDEX uq_mapping_trials_shadow ON mapping_trials (connection) WHERE kind = 'shadow' and state = 'running'

CREATE TABLE one_time_codes (
  code_sha256 BYTEA NOT NULL,
  purpose TEXT NOT NULL,
  person_id BIGINT,
  expires_at TEXT NOT NULL,
  CONSTRAINT pk_one_time_codes PRIMARY KEY (code_sha256),
  CONSTRAINT ck_one_time_codes_purpose CHECK (purpose = 'set_up' or purpose = 'sign_in'),
  CONSTRAINT ck_one_time_codes_person CHECK ((purpose = 'sign_in') = (person_id is not null)),
  CONSTRAINT fk_one_time_codes_person_id FOREIGN KEY(person_id) REFERENCES people (id)
)

CREATE TABLE record_versions (
  id BIGSERIAL NOT NULL,
  record_id BIGINT NOT NULL,
  version_no INTEGER NOT NULL,
  content_hash BYTEA NOT NULL,
  raw BYTEA NOT NULL,
  secrets BYTEA,
  source_updated_at TEXT,
  is_echo INTEGER NOT NULL,
  run_id BIGINT,
  stored_at TEXT NOT NULL,
  CONSTRAINT pk_record_versions PRIMARY KEY (id),
  CONSTRAINT uq_record_versions_record_id_version_no UNIQUE (record_id, version_no),
  CONSTRAINT fk_record_versions_record_id FOREIGN KEY(record_id) REFERENCES source_records (id),
  CONSTRAINT fk_record_versions_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
)

CREATE TABLE reread_requests (
  id BIGSERIAL NOT NULL,
  record_id BIGINT NOT NULL,
  requested_at TEXT NOT NULL,
  requested_by TEXT NOT NULL,
  finished_at TEXT,
  result TEXT,
  CONSTRAINT pk_reread_requests PRIMARY KEY (id),
  CONSTRAINT ck_reread_requests_finished CHECK ((finished_at is null) = (result is null)),
  CONSTRAINT fk_reread_requests_record_id FOREIGN KEY(record_id) REFERENCES source_records (id)
)

CREATE INDEX ix_reread_requests_record_id ON reread_requests (record_id)

CREATE UNIQUE INDEX uq_reread_requests_open ON reread_requests (record_id) WHERE finished_at is null

CREATE TABLE run_totals (
  run_id BIGINT NOT NULL,
  currency TEXT NOT NULL,
  kind TEXT NOT NULL,
  count BIGINT NOT NULL,
  amount_minor_units BIGINT NOT NULL,
  CONSTRAINT pk_run_totals PRIMARY KEY (run_id, currency, kind),
  CONSTRAINT ck_run_totals_kind CHECK (kind = 'pulled' or kind = 'mapped' or kind = 'held' or kind = 'excluded' or kind = 'rejected'),
  CONSTRAINT fk_run_totals_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
)

CREATE TABLE web_sessions (
  id BIGSERIAL NOT NULL,
  token_sha256 BYTEA NOT NULL,
  person_id BIGINT NOT NULL,
  via TEXT NOT NULL,
  address TEXT NOT NULL,
  created_at TEXT NOT NULL,
  seen_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  CONSTRAINT pk_web_sessions PRIMARY KEY (id),
  CONSTRAINT ck_web_sessions_via CHECK (via = 'password' or via = 'provider' or via = 'link'),
  CONSTRAINT uq_web_sessions_token_sha256 UNIQUE (token_sha256),
  CONSTRAINT fk_web_sessions_person_id FOREIGN KEY(person_id) REFERENCES people (id)
)

CREATE INDEX ix_web_sessions_expires_at ON web_sessions (expires_at)

CREATE INDEX ix_web_sessions_person_id ON web_sessions (person_id)

CREATE TABLE invoice_facts (
  record_id BIGINT NOT NULL,
  version_id BIGINT NOT NULL,
  mapping_version_id BIGINT NOT NULL,
  invoice_number TEXT,
  direction TEXT,
  counterparty_id TEXT,
  counterparty_name TEXT,
  due_date TEXT,
  searched TEXT NOT NULL,
  CONSTRAINT pk_invoice_facts PRIMARY KEY (record_id),
  CONSTRAINT fk_invoice_facts_record_id FOREIGN KEY(record_id) REFERENCES source_records (id),
  CONSTRAINT fk_invoice_facts_version_id FOREIGN KEY(version_id) REFERENCES record_versions (id),
  CONSTRAINT fk_invoice_facts_mapping_version_id FOREIGN KEY(mapping_version_id) REFERENCES mapping_versions (id)
)

CREATE TABLE outcomes (
  id BIGSERIAL NOT NULL,
  record_id BIGINT NOT NULL,
  version_id BIGINT NOT NULL,
  mapping_version_id BIGINT NOT NULL,
  run_id BIGINT,
  kind TEXT NOT NULL,
  reason_code TEXT,
  sentence TEXT,
  field_path TEXT,
  rule TEXT,
  currency TEXT,
  amount_minor_units BIGINT,
  problems TEXT,
  decided_at TEXT NOT NULL,
  CONSTRAINT pk_outcomes PRIMARY KEY (id),
  CONSTRAINT ck_outcomes_kind CHECK (kind = 'mapped' or kind = 'held' or kind = 'excluded' or kind = 'rejected'),
  CONSTRAINT ck_outcomes_reason CHECK (kind = 'mapped' or reason_code is not null),
  CONSTRAINT fk_outcomes_record_id FOREIGN KEY(record_id) REFERENCES source_records (id),
  CONSTRAINT fk_outcomes_version_id FOREIGN KEY(version_id) REFERENCES record_versions (id),
  CONSTRAINT fk_outcomes_mapping_version_id FOREIGN KEY(mapping_version_id) REFERENCES mapping_versions (id),
  CONSTRAINT fk_outcomes_run_id FOREIGN KEY(run_id) REFERENCES runs (id)
)

CREATE INDEX ix_outcomes_record_id ON outcomes (record_id)

CREATE TABLE financing_invoices (
  id BIGSERIAL NOT NULL,
  record_id BIGINT NOT NULL,
  financier TEXT NOT NULL,
  client_reference_id TEXT NOT NULL,
  outcome_id BIGINT NOT NULL,
  direction TEXT NOT NULL,
  invoice_number TEXT NOT NULL,
  currency TEXT NOT NULL,
  amount_minor_units BIGINT NOT NULL,
  issue_date TEXT,
  due_date TEXT NOT NULL,
  buyer_id TEXT NOT NULL,
  supplier_id TEXT NOT NULL,
  type_of_goods TEXT NOT NULL,
  state TEXT NOT NULL,
  state_reason TEXT,
  remote_invoice_id TEXT,
  remote_session_id TEXT,
  session_url TEXT,
  session_status TEXT,
  status TEXT,
  raw_status TEXT,
  financing TEXT,
  next_poll_at TEXT,
  digest BYTEA NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  CONSTRAINT pk_financing_invoices PRIMARY KEY (id),
  CONSTRAINT uq_financing_invoices_client_reference_id UNIQUE (client_reference_id),
  CONSTRAINT uq_financing_invoices_record_id_financier UNIQUE (record_id, financier),
  CONSTRAINT ck_financing_invoices_direction CHECK (direction = 'payable' or direction = 'receivable'),
  CONSTRAINT ck_financing_invoices_state CHECK (state = 'ready' or state = 'submitting' or state = 'submitted' or state = 'parked' or state = 'withdrawn'),
  CONSTRAINT ck_financing_invoices_amount CHECK (amount_minor_units > 0),
  CONSTRAINT fk_financing_invoices_record_id FOREIGN KEY(record_id) REFERENCES source_records (id),
  CONSTRAINT fk_financing_invoices_outcome_id FOREIGN KEY(outcome_id) REFERENCES outcomes (id)
)

CREATE INDEX ix_financing_invoices_poll ON financing_invoices (financier, next_poll_at) WHERE next_poll_at is not null

CREATE INDEX ix_financing_invoices_state ON financing_invoices (financier, state, id)

CREATE INDEX ix_financing_invoices_sums ON financing_invoices (financier, currency, state, status, amount_minor_units)

CREATE UNIQUE INDEX uq_financing_invoices_remote ON financing_invoices (financier, remote_invoice_id) WHERE remote_invoice_id is not null

CREATE TABLE status_timeline (
  id BIGSERIAL NOT NULL,
  financing_invoice_id BIGINT NOT NULL,
  seq INTEGER NOT NULL,
  status TEXT NOT NULL,
  raw_status TEXT NOT NULL,
  via TEXT NOT NULL,
  inbox_id BIGINT,
  observed_at TEXT NOT NULL,
  evidence BYTEA NOT NULL,
  previous_hash BYTEA NOT NULL,
  hash BYTEA NOT NULL,
  CONSTRAINT pk_status_timeline PRIMARY KEY (id),
  CONSTRAINT uq_status_timeline_financing_invoice_id_seq UNIQUE (financing_invoice_id, seq),
  CONSTRAINT ck_status_timeline_via CHECK (via = 'submit' or via = 'webhook' or via = 'poll'),
  CONSTRAINT fk_status_timeline_financing_invoice_id FOREIGN KEY(financing_invoice_id) REFERENCES financing_invoices (id),
  CONSTRAINT fk_status_timeline_inbox_id FOREIGN KEY(inbox_id) REFERENCES inbox (id)
)

CREATE INDEX ix_status_timeline_inbox ON status_timeline (inbox_id) WHERE inbox_id is not null

CREATE TABLE feed_events (
  position BIGINT NOT NULL,
  event_id TEXT NOT NULL,
  timeline_id BIGINT NOT NULL,
  financing_invoice_id BIGINT NOT NULL,
  connection TEXT NOT NULL,
  status TEXT NOT NULL,
  occurred_at TEXT NOT NULL,
  body TEXT NOT NULL,
  CONSTRAINT pk_feed_events PRIMARY KEY (position),
  CONSTRAINT uq_feed_events_event_id UNIQUE (event_id),
  CONSTRAINT uq_feed_events_timeline_id UNIQUE (timeline_id),
  CONSTRAINT fk_feed_events_timeline_id FOREIGN KEY(timeline_id) REFERENCES status_timeline (id),
  CONSTRAINT fk_feed_events_financing_invoice_id FOREIGN KEY(financing_invoice_id) REFERENCES financing_invoices (id)
)

CREATE INDEX ix_feed_events_occurred_at ON feed_events (occurred_at)

CREATE TABLE outbox (
  id BIGSERIAL NOT NULL,
  stream TEXT NOT NULL,
  seq INTEGER NOT NULL,
  kind TEXT NOT NULL,
  target TEXT NOT NULL,
  financing_invoice_id BIGINT NOT NULL,
  timeline_id BIGINT,
  idempotency_key TEXT NOT NULL,
  payload TEXT NOT NULL,
  payload_sha256 TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt_at TEXT,
  lease_token TEXT,
  lease_expires_at TEXT,
  result TEXT,
  error_class TEXT,
  error TEXT,
  created_at TEXT NOT NULL,
  finished_at TEXT,
  CONSTRAINT pk_outbox PRIMARY KEY (id),
  CONSTRAINT uq_outbox_stream_seq UNIQUE (stream, seq),
  CONSTRAINT uq_outbox_idempotency_key UNIQUE (idempotency_key),
  CONSTRAINT ck_outbox_state CHECK (state = 'pending' or state = 'sending' or state = 'unknown' or state = 'done' or state = 'unsupported' or state = 'parked' or state = 'dead'),
  CONSTRAINT fk_outbox_financing_invoice_id FOREIGN KEY(financing_invoice_id) REFERENCES financing_invoices (id),
  CONSTRAINT fk_outbox_timeline_id FOREIGN KEY(timeline_id) REFERENCES status_timeline (id)
)

CREATE INDEX ix_outbox_due ON outbox (target, next_attempt_at) WHERE next_attempt_at is not null

CREATE INDEX ix_outbox_financing_invoice_id ON outbox (financing_invoice_id)

CREATE INDEX ix_outbox_stuck ON outbox (state, id) WHERE state in ('parked', 'dead')

CREATE UNIQUE INDEX uq_outbox_in_flight ON outbox (stream) WHERE state in ('sending', 'unknown')

CREATE TABLE attempts (
  outbox_id BIGINT NOT NULL,
  attempt_no INTEGER NOT NULL,
  action TEXT NOT NULL,
  started_at TEXT NOT NULL,
  finished_at TEXT,
  result TEXT,
  detail TEXT,
  CONSTRAINT pk_attempts PRIMARY KEY (outbox_id, attempt_no),
  CONSTRAINT ck_attempts_action CHECK (action = 'send' or action = 'look_up'),
  CONSTRAINT fk_attempts_outbox_id FOREIGN KEY(outbox_id) REFERENCES outbox (id)
)

CREATE TABLE feed_deliveries (
  id BIGSERIAL NOT NULL,
  endpoint TEXT NOT NULL,
  position BIGINT NOT NULL,
  financing_invoice_id BIGINT NOT NULL,
  replay_no INTEGER NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  refusals INTEGER NOT NULL,
  next_attempt_at TEXT,
  lease_token TEXT,
  lease_expires_at TEXT,
  error TEXT,
  created_at TEXT NOT NULL,
  finished_at TEXT,
  CONSTRAINT pk_feed_deliveries PRIMARY KEY (id),
  CONSTRAINT uq_feed_deliveries_endpoint_position_replay_no UNIQUE (endpoint, position, replay_no),
  CONSTRAINT ck_feed_deliveries_state CHECK (state = 'pending' or state = 'sending' or state = 'done' or state = 'dead'),
  CONSTRAINT fk_feed_deliveries_endpoint FOREIGN KEY(endpoint) REFERENCES feed_endpoints (name),
  CONSTRAINT fk_feed_deliveries_position FOREIGN KEY(position) REFERENCES feed_events (position),
  CONSTRAINT fk_feed_deliveries_financing_invoice_id FOREIGN KEY(financing_invoice_id) REFERENCES financing_invoices (id)
)

CREATE INDEX ix_feed_deliveries_due ON feed_deliveries (endpoint, next_attempt_at) WHERE next_attempt_at is not null

CREATE INDEX ix_feed_deliveries_stream ON feed_deliveries (endpoint, financing_invoice_id, id)

CREATE UNIQUE INDEX uq_feed_deliveries_in_flight ON feed_deliveries (endpoint, financing_invoice_id) WHERE state = 'sending'

CREATE TABLE feed_attempts (
  delivery_id BIGINT NOT NULL,
  attempt_no INTEGER NOT NULL,
  started_at TEXT NOT NULL,
  finished_at TEXT,
  http_status INTEGER,
  duration_milliseconds INTEGER,
  answer TEXT,
  CONSTRAINT pk_feed_attempts PRIMARY KEY (delivery_id, attempt_no),
  CONSTRAINT fk_feed_attempts_delivery_id FOREIGN KEY(delivery_id) REFERENCES feed_deliveries (id)
)

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception using message = tg_table_name || ': ' || tg_argv[0], errcode = 'restrict_violation';
end $$

create trigger record_versions_no_update before update on record_versions
for each row execute function refuse_change('rows are never changed')

create trigger outcomes_no_update before update on outcomes
for each row execute function refuse_change('rows are never changed')

create trigger status_timeline_no_update before update on status_timeline
for each row execute function refuse_change('rows are never changed')

create trigger audit_log_no_update before update on audit_log
for each row execute function refuse_change('rows are never changed')

create trigger feed_events_no_update before update on feed_events
for each row execute function refuse_change('rows are never changed')

create trigger record_versions_no_delete before delete on record_versions
for each row execute function refuse_change('rows are never deleted')

create trigger record_versions_no_truncate before truncate on record_versions
for each statement execute function refuse_change('rows are never deleted')

create trigger outcomes_no_delete before delete on outcomes
for each row execute function refuse_change('rows are never deleted')

create trigger outcomes_no_truncate before truncate on outcomes
for each statement execute function refuse_change('rows are never deleted')

create trigger status_timeline_no_delete before delete on status_timeline
for each row execute function refuse_change('rows are never deleted')

create trigger status_timeline_no_truncate before truncate on status_timeline
for each statement execute function refuse_change('rows are never deleted')

create trigger audit_log_no_delete before delete on audit_log
for each row execute function refuse_change('rows are never deleted')

create trigger audit_log_no_truncate before truncate on audit_log
for each statement execute function refuse_change('rows are never deleted')

create trigger feed_events_no_delete before delete on feed_events
for each row execute function refuse_change('rows are never deleted')

create trigger feed_events_no_truncate before truncate on feed_events
for each statement execute function refuse_change('rows are never deleted')

create trigger source_records_no_delete before delete on source_records
for each row execute function refuse_change('rows are never deleted')

create trigger source_records_no_truncate before truncate on source_records
for each statement execute function refuse_change('rows are never deleted')

create trigger financing_invoices_no_delete before delete on financing_invoices
for each row execute function refuse_change('rows are never deleted')

create trigger financing_invoices_no_truncate before truncate on financing_invoices
for each statement execute function refuse_change('rows are never deleted')

create trigger outbox_no_delete before delete on outbox
for each row execute function refuse_change('rows are never deleted')

create trigger outbox_no_truncate before truncate on outbox
for each statement execute function refuse_change('rows are never deleted')

create trigger feed_deliveries_no_delete before delete on feed_deliveries
for each row execute function refuse_change('rows are never deleted')

create trigger feed_deliveries_no_truncate before truncate on feed_deliveries
for each statement execute function refuse_change('rows are never deleted')

create trigger mapping_documents_no_delete before delete on mapping_documents
for each row execute function refuse_change('rows are never deleted')

create trigger mapping_documents_no_truncate before truncate on mapping_documents
for each statement execute function refuse_change('rows are never deleted')

create trigger mapping_versions_no_delete before delete on mapping_versions
for each row execute function refuse_change('rows are never deleted')

create trigger mapping_versions_no_truncate before truncate on mapping_versions
for each statement execute function refuse_change('rows are never deleted')

create trigger mapping_trials_no_delete before delete on mapping_trials
for each row execute function refuse_change('rows are never deleted')

create trigger mapping_trials_no_truncate before truncate on mapping_trials
for each statement execute function refuse_change('rows are never deleted')

create trigger mapping_examples_no_delete before delete on mapping_examples
for each row execute function refuse_change('rows are never deleted')

create trigger mapping_examples_no_truncate before truncate on mapping_examples
for each statement execute function refuse_change('rows are never deleted')

create trigger manual_exclusions_no_delete before delete on manual_exclusions
for each row execute function refuse_change('rows are never deleted')

create trigger manual_exclusions_no_truncate before truncate on manual_exclusions
for each statement execute function refuse_change('rows are never deleted')

create trigger source_records_frozen before update of connection, stream, source_id on source_records
for each row when (old.connection is distinct from new.connection or old.stream is distinct from new.stream or old.source_id is distinct from new.source_id) execute function refuse_change('a fixed column was changed')

create trigger mapping_documents_frozen before update of layer, name, version_no, sha256, document, based_on, created_at, created_by on mapping_documents
for each row when (old.layer is distinct from new.layer or old.name is distinct from new.name or old.version_no is distinct from new.version_no or old.sha256 is distinct from new.sha256 or old.document is distinct from new.document or old.based_on is distinct from new.based_on or old.created_at is distinct from new.created_at or old.created_by is distinct from new.created_by) execute function refuse_change('a fixed column was changed')

create trigger mapping_versions_frozen before update of name, version_no, sha256, document, layers on mapping_versions
for each row when (old.name is distinct from new.name or old.version_no is distinct from new.version_no or old.sha256 is distinct from new.sha256 or old.document is distinct from new.document or old.layers is distinct from new.layers) execute function refuse_change('a fixed column was changed')

create trigger mapping_trials_frozen before update of kind, document_id, connection, active_version_id, scope on mapping_trials
for each row when (old.kind is distinct from new.kind or old.document_id is distinct from new.document_id or old.connection is distinct from new.connection or old.active_version_id is distinct from new.active_version_id or old.scope is distinct from new.scope) execute function refuse_change('a fixed column was changed')

create trigger mapping_examples_frozen before update of connection, name, version_no, document_id, source_id, raw, today, expected on mapping_examples
for each row when (old.connection is distinct from new.connection or old.name is distinct from new.name or old.version_no is distinct from new.version_no or old.document_id is distinct from new.document_id or old.source_id is distinct from new.source_id or old.raw is distinct from new.raw or old.today is distinct from new.today or old.expected is distinct from new.expected) execute function refuse_change('a fixed column was changed')

create trigger financing_invoices_frozen before update of record_id, client_reference_id on financing_invoices
for each row when (old.record_id is distinct from new.record_id or old.client_reference_id is distinct from new.client_reference_id) execute function refuse_change('a fixed column was changed')

create trigger outbox_frozen before update of stream, seq, kind, target, financing_invoice_id, idempotency_key, payload, payload_sha256 on outbox
for each row when (old.stream is distinct from new.stream or old.seq is distinct from new.seq or old.kind is distinct from new.kind or old.target is distinct from new.target or old.financing_invoice_id is distinct from new.financing_invoice_id or old.idempotency_key is distinct from new.idempotency_key or old.payload is distinct from new.payload or old.payload_sha256 is distinct from new.payload_sha256) execute function refuse_change('a fixed column was changed')

create trigger feed_deliveries_frozen before update of endpoint, position, financing_invoice_id, replay_no on feed_deliveries
for each row when (old.endpoint is distinct from new.endpoint or old.position is distinct from new.position or old.financing_invoice_id is distinct from new.financing_invoice_id or old.replay_no is distinct from new.replay_no) execute function refuse_change('a fixed column was changed')

create trigger inbox_frozen before update of endpoint, event_id, verification, body, received_at on inbox
for each row when (old.endpoint is distinct from new.endpoint or old.event_id is distinct from new.event_id or old.verification is distinct from new.verification or old.body is distinct from new.body or old.received_at is distinct from new.received_at) execute function refuse_change('a fixed column was changed')

create trigger invoice_documents_frozen before update of record_id, purpose, sha256, content on invoice_documents
for each row when (old.record_id is distinct from new.record_id or old.purpose is distinct from new.purpose or old.sha256 is distinct from new.sha256 or old.content is distinct from new.content) execute function refuse_change('a fixed column was changed')

create trigger manual_exclusions_frozen before update of record_id, reason, excluded_at, excluded_by on manual_exclusions
for each row when (old.record_id is distinct from new.record_id or old.reason is distinct from new.reason or old.excluded_at is distinct from new.excluded_at or old.excluded_by is distinct from new.excluded_by) execute function refuse_change('a fixed column was changed')

create trigger financing_invoices_terms before update of financier, outcome_id, direction, invoice_number, currency, amount_minor_units, issue_date, due_date, buyer_id, supplier_id, type_of_goods, digest on financing_invoices
for each row when (old.state not in ('ready', 'withdrawn') and (old.financier is distinct from new.financier or old.outcome_id is distinct from new.outcome_id or old.direction is distinct from new.direction or old.invoice_number is distinct from new.invoice_number or old.currency is distinct from new.currency or old.amount_minor_units is distinct from new.amount_minor_units or old.issue_date is distinct from new.issue_date or old.due_date is distinct from new.due_date or old.buyer_id is distinct from new.buyer_id or old.supplier_id is distinct from new.supplier_id or old.type_of_goods is distinct from new.type_of_goods or old.digest is distinct from new.digest)) execute function refuse_change('the terms are fixed once sent')
