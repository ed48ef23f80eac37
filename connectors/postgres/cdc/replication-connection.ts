import { Client } from 'pg'
import { clientConfig } from '../../../postgres/client-config.ts'
import { guardResponses } from '../../../postgres/guard-responses.ts'
import { quoteIdentifier, quoteLiteral } from '../../../postgres/quote.ts'
import { withFarewell } from '../../../postgres/session.ts'
import { ConnectError } from '../../../protocol/index.ts'
import type { PostgresConfig } from '../config.ts'
import { protocolTime } from './commit-time.ts'
import { CopyBoth } from './copy-both.ts'
import { replicationError } from './replication-errors.ts'
import { formatLsn, type Lsn, parseLsn } from './lsn.ts'

/** The text form of values, as `RecordOutput.copyText` has them. */
const options = [
  'client_encoding=UTF8',
  'datestyle=ISO,MDY',
  'timezone=UTC',
  'intervalstyle=iso_8601',
  'bytea_output=hex',
  'extra_float_digits=1',
  'statement_timeout=0',
]
  .map((setting) => `-c ${setting}`)
  .join(' ')

export interface ServerIdentity {
  /** The identifier of the cluster. */
  readonly system: string
  /** It grows when a standby is promoted, or a backup restored. */
  readonly timeline: number
  readonly position: Lsn
}

export interface ChangeStream {
  readonly slot: string
  readonly publications: readonly string[]
  readonly from: Lsn
  /** A part of the log, without the header: one message of `pgoutput`. Valid until it returns. */
  readonly onChange: (bytes: Buffer, start: number) => void
  /** All of the log up to this position was sent. */
  readonly onPosition: (position: Lsn) => void
  /** Called once, when the stream has ended. */
  readonly onEnd: (error: ConnectError) => void
}

const messages = { change: 0x77, keepalive: 0x6b, status: 0x72 } as const
const changeHeaderBytes = 25

/** A connection to a walsender of the server. Every error is a ConnectError. */
export class ReplicationConnection {
  readonly #client: Client
  readonly #config: PostgresConfig
  #confirmed: Lsn = 0n

  private constructor(config: PostgresConfig) {
    this.#config = config
    const special = { replication: 'database', options }
    this.#client = new Client({ ...clientConfig(config, config.ca), ...special })
    const { host, port } = config
    guardResponses(
      this.#client,
      (reason) => new ConnectError('source_connection_lost', { details: { host, port, reason } }),
    )
    // The command that runs reports it.
    this.#client.on('error', () => undefined)
  }

  static async open(config: PostgresConfig): Promise<ReplicationConnection> {
    const connection = new ReplicationConnection(config)
    try {
      await connection.#client.connect()
      return connection
    } catch (thrown) {
      connection.destroy()
      throw replicationError(thrown, config)
    }
  }

  async identify(): Promise<ServerIdentity> {
    const [row] = await this.#rows<{ systemid: string; timeline: number; xlogpos: string }>(
      'IDENTIFY_SYSTEM',
    )
    return {
      system: row?.systemid ?? '',
      timeline: Number(row?.timeline),
      position: parseLsn(row?.xlogpos ?? '0/0'),
    }
  }

  /** Where the timeline `from` was left for later ones; undefined if the server's history lacks it. */
  async endOfTimeline(from: number, present: number): Promise<Lsn | undefined> {
    const [row] = await this.#rows<{ content: unknown }>(`TIMELINE_HISTORY ${present}`)
    const lines = String(row?.content).split('\n')
    const line = lines.find((text) => Number.parseInt(text, 10) === from)
    const position = line?.split(/\s+/)[1]
    return position === undefined ? undefined : parseLsn(position)
  }

  /** Makes a slot that ends with this connection. Returns where its changes begin. */
  async createTemporarySlot(slot: string): Promise<Lsn> {
    const [row] = await this.#rows<{ consistent_point: string }>(
      `CREATE_REPLICATION_SLOT ${quoteIdentifier(slot)} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT`,
    )
    return parseLsn(row?.consistent_point ?? '0/0')
  }

  async #rows<R extends object>(command: string): Promise<R[]> {
    try {
      const { rows } = await this.#client.query<R>(command)
      return rows
    } catch (thrown) {
      throw replicationError(thrown, this.#config)
    }
  }

  /** Resolves when the server has begun to send. */
  async start(stream: ChangeStream): Promise<void> {
    const { slot, publications, from } = stream
    const names = publications.map(quoteIdentifier).join(',')
    const started = Promise.withResolvers<undefined>()
    const copy = new CopyBoth({
      sql: `START_REPLICATION SLOT ${quoteIdentifier(slot)} LOGICAL ${formatLsn(from)} (proto_version '1', publication_names ${quoteLiteral(names)})`,
      onStart: () => {
        started.resolve(undefined)
      },
      onMessage: (bytes, start) => {
        this.#onMessage(stream, bytes, start)
      },
      onEnd: (thrown) => {
        const reason = thrown ?? new Error('Connection terminated: the server ended the stream')
        const error = replicationError(reason, this.#config)
        started.reject(error)
        stream.onEnd(error)
      },
    })
    this.#client.query(copy)
    await started.promise
  }

  #onMessage({ onChange, onPosition }: ChangeStream, bytes: Buffer, start: number): void {
    const type = bytes[start]
    if (type === messages.change) onChange(bytes, start + changeHeaderBytes)
    else if (type === messages.keepalive) {
      onPosition(bytes.readBigUInt64BE(start + 1))
      if (bytes[start + 17] === 1) this.sendStatus()
    } else throw new RangeError('a message of an unknown type')
  }

  /** Everything below is safe at the destination: the server may forget it. It is sent with each status. */
  confirm(position: Lsn): void {
    if (position > this.#confirmed) this.#confirmed = position
  }

  get confirmed(): Lsn {
    return this.#confirmed
  }

  /** @param expectsReply the server then says how far it has sent */
  sendStatus(expectsReply: 'reply' | 'no reply' = 'no reply'): void {
    const status = Buffer.alloc(34)
    status[0] = messages.status
    for (const offset of [1, 9, 17]) status.writeBigUInt64BE(this.#confirmed, offset)
    status.writeBigInt64BE(protocolTime(Date.now()), 25)
    status[33] = expectsReply === 'reply' ? 1 : 0
    const header = Buffer.alloc(5)
    header[0] = 0x64
    header.writeUInt32BE(status.length + 4, 1)
    const { stream } = this.#client.connection
    if (stream.writable) stream.write(Buffer.concat([header, status]))
  }

  /** Whether bytes have come since the last call. */
  get bytesRead(): number {
    const { stream } = this.#client.connection
    return 'bytesRead' in stream && typeof stream.bytesRead === 'number' ? stream.bytesRead : 0
  }

  pause(): void {
    this.#client.connection.stream.pause()
  }

  resume(): void {
    this.#client.connection.stream.resume()
  }

  destroy(): void {
    this.#client.connection.stream.destroy()
  }

  /** Ends a stream once what was sent is on its way. */
  end(): void {
    this.#client.connection.stream.end()
    this.resume()
  }

  /** Ends a connection that streams nothing. */
  async close(): Promise<void> {
    await withFarewell(
      () => this.#client.end(),
      () => {
        this.destroy()
      },
    )
  }
}
