CREATE TABLE connection_books (
  connection TEXT NOT NULL,
  system TEXT NOT NULL,
  books TEXT NOT NULL,
  first_read_at TEXT NOT NULL,
  CONSTRAINT pk_connection_books PRIMARY KEY (connection, system, books)
)

create trigger connection_books_no_update before update on connection_books
for each row execute function refuse_change('rows are never changed')

create trigger connection_books_no_delete before delete on connection_books
for each row execute function refuse_change('rows are never deleted')

create trigger connection_books_no_truncate before truncate on connection_books
for each statement execute function refuse_change('rows are never deleted')
