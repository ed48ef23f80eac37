import type { RateLimits } from '../platform/http/limits.ts'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Access } from '../platform/access/access.ts'
import type { AuditLog } from '../platform/audit/contract.ts'
import type { Service } from '../service.ts'
import type { KnownUrls } from '../platform/http/docs-base.ts'
import type { FollowerLimits } from '../platform/http/followers.ts'
import type { IdempotencyStore } from '../platform/http/idempotency-contract.ts'

/**
 * The dependencies of the HTTP surface. Read this first; then the routes of each resource
 * (`service/NAME/NAME-routes.ts`).
 */
export interface HttpOptions {
  readonly service: Service
  readonly idempotency: IdempotencyStore
  /**
   * A key that is not in the database: requests are hashed with it, because they may contain short secrets.
   * Throws what the vault throws.
   */
  readonly idempotencyHashKey: () => Promise<Uint8Array>
  readonly access: Access
  readonly audit: AuditLog
  readonly logger: Logger
  /** Served at `/metrics`; the requests' own metrics are added to it. */
  readonly metrics: Registry
  /** Reads figures that are not counted in this process. Called before the metrics are served. */
  readonly refreshMetrics?: () => Promise<void>
  /** Version of the program, for the OpenAPI document. */
  readonly version: string
  /** `health`: without the API, for a process that does not have that role. Default `all`. */
  readonly routes?: 'all' | 'health'
  /** How often an idle event stream sends a heartbeat. Default 15 s. */
  readonly heartbeatMs?: number
  /** Default: none. */
  readonly limits?: RateLimits
  /** The proxies whose `X-Forwarded-For` is trusted, as networks in CIDR notation. Default none. */
  readonly trustedProxies?: readonly string[]
  /** Event streams that may be open at the same time. Default 400, and 100 of one key or user. */
  readonly followers?: FollowerLimits
  /** Time for a whole request to arrive. Default 30 s. */
  readonly receiveTimeoutMs?: number
  /** For the `docs_url` of errors. Default: paths from the root. */
  readonly urls?: KnownUrls
  /** How long responses in progress may take once the server closes; then they are cut off. Default 5 s. */
  readonly closeTimeoutMs?: number
}
