import { compilerOf } from './components/components.ts'
import { isConfigTransformationRegistered } from './config/prepare-config.ts'
import { SourceError } from './contracts.ts'
import { invalidComponent } from './definition.ts'
import { get, isDict } from './value/dict.ts'
import type { BuildContext, Builder, Component, ConfiguredStream, Roles } from './component.ts'
import type { Environment } from './contracts.ts'
import type { SourceHttp } from './http/source-http.ts'
import type { TemplateCompiler } from './interpolation/template-compiler.ts'
import type { Dict, PlainDict, Value } from './value/value.ts'

export interface BuilderOptions {
  readonly config: Dict
  readonly templates: TemplateCompiler
  readonly environment: Environment
  readonly http: SourceHttp
  /** Input states by stream name. */
  readonly states: ReadonlyMap<string, Dict>
  readonly catalog: ReadonlyMap<string, ConfiguredStream> | null
  readonly emitState: (streamName: string, state: Dict) => void
  /** The manifest's `max_concurrent_async_job_count`. */
  readonly maxConcurrentAsyncJobs?: Value
}

/** Builds components by their types, for one configuration. */
export function createBuilder(options: BuilderOptions): Builder {
  const { config, templates, environment, http, states, catalog, emitState } = options
  const builder: Builder = {
    config,
    templates,
    environment,
    http,
    emitState,
    stateOf: (streamName) => states.get(streamName) ?? null,
    catalog,
    ...(options.maxConcurrentAsyncJobs !== undefined && {
      maxConcurrentAsyncJobs: options.maxConcurrentAsyncJobs,
    }),
    withState: (streamName, state) =>
      createBuilder({ ...options, states: new Map([...states, [streamName, state]]) }),
    forParent: (parentStates) =>
      createBuilder({
        config,
        templates,
        environment,
        http,
        states: parentStates,
        catalog: null,
        emitState: () => undefined,
      }),
    isRegistered,
    build: (role, definition, context) => build(builder, role, { definition, context }),
    buildAll: (role, definitions, context) =>
      Array.isArray(definitions)
        ? definitions.map((definition) => builder.build(role, definition, context))
        : [],
  }
  return builder
}

const customComponents: { readonly [Role in keyof Roles]?: Map<string, Component<Role>> } = {}

/**
 * Puts a TypeScript component in the place of the Python class that a manifest names in `class_name`, in all
 * manifests that this process compiles from now on.
 */
export function registerComponent<Role extends keyof Roles>(
  role: Role,
  className: string,
  component: Component<Role>,
): void {
  const all: { [R in keyof Roles]?: Map<string, Component<R>> } = customComponents
  const ofRole: Map<string, Component<Role>> = all[role] ?? new Map<string, Component<Role>>()
  ofRole.set(className, component)
  Object.assign(customComponents, { [role]: ofRole })
}

/** True if a TypeScript component stands in for a Python class. */
export function isRegistered(className: string): boolean {
  return (
    isConfigTransformationRegistered(className) ||
    Object.values(customComponents).some((ofRole) => ofRole.has(className))
  )
}

function build<Role extends keyof Roles>(
  builder: Builder,
  role: Role,
  { definition, context }: { readonly definition: Value; readonly context: BuildContext },
): Roles[Role] {
  if (!isDict(definition) || definition instanceof Map)
    throw invalidComponent(`the ${role} of stream ${context.streamName}`, 'it must be a component.')
  return componentFor(role, definition)(definition, builder, context)
}

function componentFor<Role extends keyof Roles>(
  role: Role,
  definition: PlainDict,
): Component<Role> {
  const className = get(definition, 'class_name')
  if (typeof className === 'string') {
    const custom = customComponents[role]?.get(className)
    if (custom !== undefined) return custom
    throw new SourceError(
      `The component ${className} is written in Python. Register a TypeScript component in its place with registerComponent('${role}', '${className}', …).`,
      { failureType: 'config_error' },
    )
  }
  const type = get(definition, 'type')
  const component = typeof type === 'string' ? compilerOf(role, type) : undefined
  if (component !== undefined) return component
  throw new SourceError(
    `${typeof type === 'string' ? type : 'A component without a type'} cannot be the ${role}.`,
    {
      failureType: 'config_error',
    },
  )
}
