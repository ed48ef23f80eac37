/** A real single-node Apache Kafka on 127.0.0.1. */
export interface KafkaBroker extends AsyncDisposable {
  readonly brokers: readonly string[]
  /** SIGKILL, as in a crash. Written data stays for `restart`. */
  kill9(): Promise<void>
  /** Starts it again on the same port with the same data. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export interface KafkaBrokerOptions {
  /** The folder in which the broker stores its data. Default: a folder that goes with the broker. */
  readonly dataDir?: string
  /** Default: a free port. */
  readonly port?: number
  /**
   * It starts with half the CPU (1.6 instead of 3 s) and is slower later: for tests, not for measurements.
   */
  readonly isShortLived?: boolean
  /**
   * A broker that its controller has not heard for this time leads no partition until it is heard again: it
   * was killed, or the machine was busy. Default: 3 s, so that one that was killed is soon back.
   */
  readonly sessionTimeoutMs?: number
  /**
   * A second listener, which advertises `advertisedPort` to its clients: the port of a proxy in front of it.
   */
  readonly behindProxy?: { readonly port: number; readonly advertisedPort: number }
  /**
   * Another listener, at which clients log in. They have the rights that they were given; who comes without a
   * login has all.
   */
  readonly secured?: SecuredListener
}

export interface SecuredListener {
  readonly port: number
  /** A file with key and certificate in PEM, for 127.0.0.1. Absent: without TLS. */
  readonly certificate?: string
  /** Passwords by name, for PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. */
  readonly users: Readonly<Record<string, string>>
}
