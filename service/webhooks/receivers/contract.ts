import type { Page, PageRequest, ShownFilter } from '../../platform/lists.ts'
import { receiversFolder } from '../../platform/vault/vault.ts'
import type { Previous } from './previous.ts'
import type {
  NewReceiver,
  Receiver,
  ReceiverInput,
  ReceiverUpdate,
  ReceiverWithSecrets,
} from './schema.ts'

export interface ReceiverService {
  /**
   * Throws `name_taken`, `instance_not_found`, `webhook_not_found`, `receiver_secret_invalid`,
   * `target_not_available`, and `request_invalid` for rules that contradict themselves or that the connector
   * does not need.
   */
  create(input: ReceiverInput): Promise<NewReceiver>
  /**
   * `shown`: the connections that warnings may name; null (the default): all. Throws `receiver_not_found`, as
   * all below.
   */
  get(name: string, shown?: ShownFilter | null): Promise<Receiver>
  list(page: ReceiverPageRequest, shown?: ShownFilter | null): Promise<Page<Receiver>>
  update(name: string, change: ReceiverUpdate, ifVersion?: number): Promise<Receiver>
  /** A paused receiver stores the deliveries that arrive, and dispatches them when it is resumed. */
  setPaused(name: string, paused: boolean): Promise<Receiver>
  /**
   * A new address; the one before works for `graceSeconds` more, those before that until their own ends. With
   * 0, all end at once.
   */
  rotateToken(name: string, graceSeconds: number): Promise<NewReceiver>
  /**
   * Replaces what the sender signs with; those before end as addresses do. Without one, the service makes it,
   * if the sender lets the user choose. The same secret again changes nothing. Throws
   * `receiver_secret_invalid`.
   */
  setSecret(
    name: string,
    secret: { readonly signingSecret?: string; readonly graceSeconds: number },
  ): Promise<ReceiverWithSecrets>
  rotateDispatchSecret(name: string, graceSeconds: number): Promise<ReceiverWithSecrets>
  /** Its deliveries go too. */
  delete(name: string, ifVersion?: number): Promise<void>
}

/** The dispatcher's knowledge about targets. */
export interface TargetAdvice {
  /**
   * Throws `target_not_available` for a target that cannot work in this service, whatever is set up later.
   */
  check(target: string): Promise<void>
  /** The reason why events cannot reach the target with the present settings, and the next step. */
  warningOf(target: string): string | undefined
  /** Those of the targets to which nothing is sent at present, because they failed. */
  interruptions(targets: readonly string[]): Promise<ReadonlyMap<string, Interruption>>
}

export interface Interruption {
  /** ISO 8601; null: it is over, and the next event that is due tries whether the target works again. */
  readonly until: string | null
  /** Why the last attempt failed; null: it is not known. */
  readonly reason: string | null
}

export interface ReceiverStore {
  /** Throws `name_taken`, `instance_not_found`. */
  create(input: NewStoredReceiver): Promise<StoredReceiver>
  /** Throws `receiver_not_found`. */
  get(name: string): Promise<StoredReceiver>
  /** By name, ascending. */
  list(page: ReceiverPageRequest): Promise<Page<StoredReceiver>>
  /** All, for the ingress: a process reads them whole, because there are hundreds, not millions. */
  all(): Promise<readonly StoredReceiver[]>
  /** Throws `receiver_not_found`, `version_conflict`. */
  update(name: string, change: ReceiverChange, ifVersion?: number): Promise<StoredReceiver>
  /** Its deliveries go too. Throws `receiver_not_found`, `version_conflict`. */
  delete(name: string, ifVersion?: number): Promise<StoredReceiver>
  /**
   * `url:` targets with a query in plain text, of receivers and of dispatches; `isPresent`: the receiver has
   * it still.
   */
  plainTargets(): Promise<readonly PlainTarget[]>
  /** Replaces targets of a receiver and its dispatches, by what is stored now, in one transaction. */
  hideTargets(receiverId: string, hidden: ReadonlyMap<string, string>): Promise<void>
  /**
   * Calls back as soon as changes are noticed, after each change of a receiver, in any process, and after the
   * session was lost for a time. A rotation that ends (`previousTokenUntil`) is no change.
   */
  onChange(changed: () => void): Disposable
}

export interface PlainTarget {
  readonly receiverId: string
  readonly target: string
  readonly isPresent: boolean
}

export type ReceiverPageRequest = PageRequest & { readonly instance?: string }

/** Tokens are random: a fast hash is enough. */
export interface StoredReceiver extends Omit<Receiver, 'warnings'> {
  readonly id: string
  /** The connector of its instance. */
  readonly type: string | null
  readonly tokenHash: Buffer
  /** Hashes, as Base64: `previousTokenUntil` is the latest end. */
  readonly previousTokens: readonly Previous[]
  /** 0: the vault has none. Counts up with each change, so that other processes read the vault again. */
  readonly secretVersion: number
}

export type NewStoredReceiver = Omit<
  StoredReceiver,
  'type' | 'previousTokenUntil' | 'secretVersion' | 'version' | 'createdAt' | 'updatedAt'
>

export interface ReceiverChange extends Partial<
  Omit<NewStoredReceiver, 'id' | 'name' | 'instance'>
> {
  /** The vault has other secrets now: `secretVersion` counts up. */
  readonly isSecretNew?: boolean
}

/** For `runExclusively`: one change of the address, the secrets and the targets of a receiver at a time. */
export function receiverLock(receiverId: string): string {
  return `receiver ${receiverId}`
}

/** The path of a receiver's secrets in the vault: `ReceiverSecrets`. */
export function receiverPath(receiverId: string): string {
  return `${receiversFolder}${receiverId}`
}

/** At `receiverPath`. Times are ISO 8601. */
export interface ReceiverSecrets {
  readonly signing?: string
  /**
   * Valid beside `signing`, the newest first. Here and nowhere else is decided what is valid: one write of
   * the vault changes both.
   */
  readonly previousSigning?: readonly Previous[]
  /** `whsec_…`, for `url:` targets. */
  readonly dispatch: string
  /** Deliveries are signed with these, too; the newest first. */
  readonly previousDispatch?: readonly Previous[]
}
