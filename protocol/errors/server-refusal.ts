/** An error of a PostgreSQL server, from the driver. */
export interface ServerError {
  readonly message: string
  readonly code?: string | undefined
  /** The context: the functions and statements that were running. */
  readonly where?: string | undefined
  readonly schema?: string | undefined
  readonly table?: string | undefined
  readonly column?: string | undefined
  readonly constraint?: string | undefined
  /** A data type or domain, in the schema. */
  readonly dataType?: string | undefined
}

/**
 * The parts that may be shown: never the contents of a row, never a text that a function of the database
 * wrote.
 */
export interface ServerRefusal {
  readonly sqlstate: string
  readonly reason: string
  readonly schema?: string
  readonly table?: string
  readonly column?: string
  readonly constraint?: string
  /** A data type or domain, in the schema. */
  readonly dataType?: string
}

/** Names of these conditions; their messages quote values. */
const conditions: Readonly<Record<string, string>> = {
  '22001': 'a text is too long for its type',
  '22003': 'a number is out of the range of its type',
  '22004': 'a value is NULL and must not be',
  '22007': 'a text is not a date or time',
  '22008': 'a date or time is out of range',
  '22012': 'division by zero',
  '22021': 'a text is not valid in its encoding',
  '22023': 'an argument of a function is not valid',
  '22025': 'an escape sequence is not valid',
  '22P02': 'a text is not a value of its type',
  '22P04': 'the data of a COPY are not valid',
  '22P05': 'a character has no equivalent in the encoding',
  '23502': 'a NOT NULL constraint is violated',
  '23503': 'a foreign key is violated',
  '23505': 'a unique constraint is violated',
  '23514': 'a check constraint is violated',
  '23P01': 'an exclusion constraint is violated',
  P0001: 'a function of the database raised an error',
  P0002: 'a function of the database found no row',
  P0003: 'a function of the database found more than one row',
  P0004: 'an assertion of a function of the database failed',
}

/** The session ended while a function was at work, which is not to blame. */
const endings: Readonly<Record<string, string>> = {
  '57P01': 'an administrator ended it (pg_terminate_backend), or the server shuts down',
  '57P02': 'another process of the server crashed',
  '57P05': 'it was idle for longer than idle_session_timeout',
}

/**
 * Classes whose messages name objects, rights, limits and connections. All others (data exceptions,
 * constraints, routines, foreign servers, internal errors) may quote values.
 */
const telling = /^(?:0[0-9AF]|2[14-68BDF]|3[4BDF]|4[0-24]|5[3-58]|57|72|F0)/

/**
 * The parts of a server's error that may be shown. Its details, hints and context are never shown; its
 * message only if it cannot quote a row.
 */
export function serverRefusal(error: ServerError): ServerRefusal {
  const sqlstate = error.code ?? 'XX000'
  const origin = originOf(error.where ?? '')
  if (origin !== undefined) return { sqlstate, reason: reasonOfOrigin(origin, sqlstate) }
  const { schema, table, column, constraint, dataType } = error
  return {
    sqlstate,
    reason: reasonOf(sqlstate, error.message),
    ...(schema !== undefined && { schema }),
    ...(table !== undefined && { table }),
    ...(column !== undefined && { column }),
    ...(constraint !== undefined && { constraint }),
    ...(dataType !== undefined && { dataType }),
  }
}

/**
 * Not our own statement failed, but something of the database that it called: a function, a trigger, the
 * check of a foreign key.
 */
export function isOfDatabase({ where = '' }: Pick<ServerError, 'where'>): boolean {
  const origin = originOf(where)
  return origin !== undefined && origin !== 'unknown'
}

/** A function may raise any SQLSTATE, with any text, and name any object. */
function reasonOfOrigin(origin: string, sqlstate: string): string {
  const ending = endings[sqlstate]
  if (ending !== undefined) return ending
  const condition = conditions[sqlstate]
  if (origin === 'unknown') return condition ?? untold
  const raised = `${origin} failed`
  return condition === undefined ? raised : `${raised}: ${condition}`
}

function reasonOf(sqlstate: string, message: string): string {
  return conditions[sqlstate] ?? (telling.test(sqlstate) ? message : untold)
}

const untold = "the server's log has its message, which may quote a row"

/**
 * Contexts of our own statement: the row of a COPY, the text that is not JSON, the parameters, the row or
 * index that was written.
 */
const ownContexts: readonly RegExp[] = [
  // A value may have line ends and quotes in it, so it goes on to the last quote.
  /^COPY [^\n]*?, line \d+(?:, column [^\n]*?)?: "[\s\S]*"(?=\n|$)/,
  /^COPY [^\n]*/,
  /^JSON data, line \d+: [^\n]*/,
  /^parallel worker(?=\n|$)/,
  /^while [^\n]+ tuple \(\d+,\d+\) in relation "[^\n]*"(?=\n|$)/,
  // The outermost one. Nothing follows but the rest of the values.
  /^(?:unnamed portal|portal "[^\n]*") (?:parameter|with parameters)[\s\S]*/,
]
/** The statements that the server itself runs for a foreign key. */
const foreignKey =
  /^SQL statement "(?:SELECT 1 FROM ONLY|DELETE FROM ONLY|UPDATE ONLY) "[^\n]*"(?=\n|$)/
/** In all languages, and for statements that functions run. */
const anyFunction =
  /^(?:PL\/|SQL function "|SQL statement "|SQL expression "|compilation of |Traceback )/

/**
 * The origin of an error below our own statement: the function that PL/pgSQL names, or an object of the
 * database. Undefined if the statement itself was refused, and unknown if the context does not say it in
 * words that are known here: the server may speak another language.
 */
function originOf(where: string): string | undefined {
  const inner = withoutOwn(where)
  if (inner === '') return undefined
  const key = foreignKey.exec(inner)
  if (key !== null && withoutOwn(inner.slice(key[0].length)) === '') {
    return 'the check of a foreign key'
  }
  const name = raisingFunction({ where })
  if (name !== undefined) return `the function ${name}`
  return anyFunction.test(inner) ? 'a function or trigger of the database' : 'unknown'
}

/**
 * The function of PL/pgSQL that failed, as the server writes its name. Only the first line of the context
 * counts, which the server wrote: those that follow may quote a statement with its values.
 */
export function raisingFunction({ where = '' }: Pick<ServerError, 'where'>): string | undefined {
  return /^PL\/pgSQL \S+ ([^\s"'(]+)\(/.exec(where)?.[1]
}

/** The context from the first line on that is not about our own statement. */
function withoutOwn(where: string): string {
  const rest = where.replace(/^\n+/, '')
  const own = ownContexts.map((pattern) => pattern.exec(rest)?.[0]).find((match) => match)
  return own === undefined ? rest : withoutOwn(rest.slice(own.length))
}
