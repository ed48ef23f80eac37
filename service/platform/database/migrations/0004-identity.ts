/**
 * `email` in small letters. `password_hash` names its parameters. `token_version`: how often the user's logins have been
 * ended; a token of another number is worth nothing. `subject`: a keyed hash, since a password may be typed in the place of
 * the e-mail.
 */
export const identity = `
CREATE TABLE reactor_connect_service.users (
  id text COLLATE "C" PRIMARY KEY,
  email text COLLATE "C" NOT NULL CONSTRAINT users_email UNIQUE,
  role text NOT NULL CHECK (role IN ('admin', 'operator', 'viewer', 'agent')),
  password_hash text NOT NULL,
  token_version integer NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_login_at timestamptz
);

CREATE TABLE reactor_connect_service.login_attempts (
  subject text COLLATE "C" PRIMARY KEY,
  attempts integer NOT NULL,
  window_ends_at timestamptz NOT NULL
);
CREATE INDEX login_attempts_by_age ON reactor_connect_service.login_attempts (window_ends_at);
`
