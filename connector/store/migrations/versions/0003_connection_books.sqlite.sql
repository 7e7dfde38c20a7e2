CREATE TABLE connection_books (
  connection TEXT NOT NULL,
  system TEXT NOT NULL,
  books TEXT NOT NULL,
  first_read_at TEXT NOT NULL,
  CONSTRAINT pk_connection_books PRIMARY KEY (connection, system, books)
)
 STRICT

create trigger connection_books_no_update before update on connection_books
begin select raise(abort, 'connection_books: rows are never changed'); end

create trigger connection_books_no_delete before delete on connection_books
begin select raise(abort, 'connection_books: rows are never deleted'); end
