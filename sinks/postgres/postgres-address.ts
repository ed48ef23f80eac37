/** Where a destination database is, and as whom to connect. */
export interface PostgresAddress {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password?: string
  readonly database: string
  /** `require` encrypts without checking the certificate; `verify-full` checks it against the system's authorities. */
  readonly ssl: 'disable' | 'require' | 'verify-full'
}

/** Where the tables of a connection go. */
export interface PostgresPlace {
  readonly address: PostgresAddress
  /** The schema of the tables; default: the stream's namespace, else `public`. */
  readonly schema?: string
}
