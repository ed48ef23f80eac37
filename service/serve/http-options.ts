import type { RateLimits } from '../platform/http/limits.ts'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Access } from '../platform/access/access.ts'
import type { AuditLog } from '../platform/audit/contract.ts'
import type { Service } from '../service.ts'
import type { KnownUrls } from '../platform/http/docs-base.ts'
import type { FollowerLimits } from '../platform/http/followers.ts'
import type { IdempotencyStore } from '../platform/http/idempotency-contract.ts'

/** What the HTTP surface needs. Read this first; then the routes of each resource (`service/NAME/NAME-routes.ts`). */
export interface HttpOptions {
  readonly service: Service
  readonly idempotency: IdempotencyStore
  /** A key that the database does not have: what is hashed of a request may be a short secret. Throws what the vault throws. */
  readonly idempotencyHashKey: () => Promise<Uint8Array>
  readonly access: Access
  readonly audit: AuditLog
  readonly logger: Logger
  /** Served at `/metrics`; the requests' own metrics are added to it. */
  readonly metrics: Registry
  /** Reads what is not counted in this process. Called before the metrics are served. */
  readonly refreshMetrics?: () => Promise<void>
  /** Version of the program, for the OpenAPI document. */
  readonly version: string
  /** `health`: without the API, for a process that has not that role. Default `all`. */
  readonly routes?: 'all' | 'health'
  /** How often a quiet event stream says that it is alive. Default 15 s. */
  readonly heartbeatMs?: number
  /** Default: none. */
  readonly limits?: RateLimits
  /** Whose `X-Forwarded-For` is believed, as networks in CIDR notation. Default nobody's. */
  readonly trustedProxies?: readonly string[]
  /** Event streams that may be open at the same time. Default 400, and 100 of one key or user. */
  readonly followers?: FollowerLimits
  /** For the whole of a request to arrive. Default 30 s. */
  readonly receiveTimeoutMs?: number
  /** For the `docs_url` of errors. Default: paths from the root. */
  readonly urls?: KnownUrls
  /** How long answers under way may take once the server closes; then they are cut off. Default 5 s. */
  readonly closeTimeoutMs?: number
}
