import { createBuilder } from '../builder.ts'
import type { Builder } from '../component.ts'
import { buildCallBudget } from '../components/requesters/call-budget.ts'
import { prepareConfig } from '../config/prepare-config.ts'
import type { Environment } from '../contracts.ts'
import { field, optionalDict } from '../definition.ts'
import type { CallBudget } from '../http/source-http.ts'
import type { SourceHttp } from '../http/source-http.ts'
import { TemplateCompiler } from '../interpolation/template-compiler.ts'
import type { Manifest } from '../manifest/load-manifest.ts'
import type { Dict } from '../value/value.ts'
import type { configuredStreams } from './configured-streams.ts'
import { maskedEnvironment } from './masked-environment.ts'
import { SecretFilter } from './secret-filter.ts'

/**
 * A manifest for one configuration, from which its streams and its actions are built. Errors that leave here
 * hold no secret.
 */
export class ConfiguredManifest {
  readonly manifest: Manifest
  /** Receives no secret. */
  readonly environment: Environment
  readonly templates: TemplateCompiler
  /** Migrated and transformed. */
  readonly config: Dict
  /** All that it knows by now: also tokens that were fetched, and a configuration that changed. */
  readonly secrets: SecretFilter
  /** Undefined if the manifest sets no limits. */
  readonly budget: CallBudget | undefined

  /** Migrates and transforms the configuration. Throws if that fails. */
  constructor(options: {
    readonly manifest: Manifest
    readonly config: Dict
    readonly environment: Environment
  }) {
    const { manifest } = options
    this.manifest = manifest
    const specification = optionalDict(manifest.spec ?? {}, 'connection_specification') ?? {}
    this.secrets = new SecretFilter(specification, options.config)
    this.environment = maskedEnvironment(options.environment, this.secrets)
    const { environment } = this
    this.templates = new TemplateCompiler(environment)
    const { templates } = this
    try {
      this.config = prepareConfig(manifest, options.config, { templates, environment })
      this.secrets.learnConfig(this.config)
      this.budget = buildCallBudget(manifest.definition, {
        config: this.config,
        templates,
        environment,
      })
    } catch (error) {
      throw this.secrets.error(error)
    }
  }

  builder(options: {
    readonly http: SourceHttp
    /** The configuration with the overrides of a check. */
    readonly config?: Dict
    readonly catalog?: ReturnType<typeof configuredStreams>
    readonly states?: ReadonlyMap<string, Dict>
    readonly emitState?: (stream: string, state: Dict) => void
  }): Builder {
    const maxConcurrentAsyncJobs = field(this.manifest.definition, 'max_concurrent_async_job_count')
    return createBuilder({
      ...(maxConcurrentAsyncJobs !== undefined && { maxConcurrentAsyncJobs }),
      config: options.config ?? this.config,
      templates: this.templates,
      environment: this.environment,
      http: options.http,
      states: options.states ?? new Map(),
      catalog: options.catalog ?? null,
      emitState: options.emitState ?? (() => undefined),
    })
  }

  async withMaskedErrors<Result>(run: () => Promise<Result>): Promise<Result> {
    try {
      return await run()
    } catch (error) {
      throw this.secrets.error(error)
    }
  }
}
