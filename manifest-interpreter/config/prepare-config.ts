import type { Environment } from '../contracts.ts'
import { copyDict } from '../components/transformations/copy-value.ts'
import { list, optionalComponent, text } from '../definition.ts'
import type { TemplateCompiler } from '../interpolation/template-compiler.ts'
import type { Manifest } from '../manifest/load-manifest.ts'
import { copy, isEmpty, isPlainDict } from '../value/dict.ts'
import { equals } from '../value/equality.ts'
import type { Dict, PlainDict } from '../value/value.ts'
import { configAddFields } from './config-add-fields.ts'
import { configRemapField } from './config-remap-field.ts'
import { configRemoveFields } from './config-remove-fields.ts'
import { dpathValidator } from './dpath-validator.ts'
import { predicateValidator } from './predicate-validator.ts'
import { ConfigError } from './config-error.ts'

/** Changes a configuration in place. */
export type ConfigTransformation = (config: Dict) => void
/** Throws a ConfigError for a configuration that is refused. */
export type ConfigValidation = (config: Dict) => void

/**
 * The configuration that components see: migrated and transformed by the rules of the manifest's spec.
 * Changes by migrations are emitted, for the caller to store; changes by transformations are not. The given
 * configuration stays as it is.
 */
export function prepareConfig(
  manifest: Manifest,
  config: Dict,
  options: {
    readonly templates: TemplateCompiler
    readonly environment: Pick<Environment, 'emit'>
  },
): Dict {
  const rules = normalizationRules(manifest)
  if (rules === undefined || isEmpty(config)) return config
  const original = copyDict(config)
  // Shares its objects with the original: a migration that only changes values inside of them is not
  // detected, as in the reference.
  const prepared = copy(original)
  for (const transform of migrations(rules, options.templates)) transform(prepared)
  if (!equals(prepared, original)) {
    options.environment.emit({ kind: 'config', config: copyDict(prepared) })
  }
  for (const transform of transformations(rules, options.templates)) transform(prepared)
  return prepared
}

/** Runs the validations of the spec: before streams are built, for check, discover and read alike. */
export function validateConfig(
  manifest: Manifest,
  config: Dict,
  templates: TemplateCompiler,
): void {
  const rules = normalizationRules(manifest)
  if (rules === undefined) return
  const validations = list(rules, 'validations')
    .filter(isPlainDict)
    .map((definition) => buildValidation(definition, templates))
  for (const validate of validations) validate(config)
}

function normalizationRules({ spec }: Manifest): PlainDict | undefined {
  return spec === undefined ? undefined : optionalComponent(spec, 'config_normalization_rules')
}

function migrations(rules: PlainDict, templates: TemplateCompiler): ConfigTransformation[] {
  return list(rules, 'config_migrations')
    .filter(isPlainDict)
    .flatMap((migration) => transformations(migration, templates))
}

function transformations(owner: PlainDict, templates: TemplateCompiler): ConfigTransformation[] {
  return list(owner, 'transformations')
    .filter(isPlainDict)
    .map((definition) => buildTransformation(definition, templates))
}

const transformationTypes = new Map([
  ['ConfigAddFields', configAddFields],
  ['ConfigRemapField', configRemapField],
  ['ConfigRemoveFields', configRemoveFields],
])

type BuildConfigTransformation = (
  definition: PlainDict,
  templates: TemplateCompiler,
) => ConfigTransformation

const customTransformations = new Map<string, BuildConfigTransformation>()

/**
 * Puts a TypeScript function in the place of the Python class that a CustomConfigTransformation names in
 * `class_name`, in all manifests that this process configures from now on.
 */
export function registerConfigTransformation(
  className: string,
  build: BuildConfigTransformation,
): void {
  customTransformations.set(className, build)
}

export function isConfigTransformationRegistered(className: string): boolean {
  return customTransformations.has(className)
}

function buildTransformation(
  definition: PlainDict,
  templates: TemplateCompiler,
): ConfigTransformation {
  const type = text(definition, 'type')
  const build =
    transformationTypes.get(type) ?? customTransformations.get(text(definition, 'class_name'))
  if (build === undefined) {
    throw new ConfigError(
      `The manifest changes its configuration with ${text(definition, 'class_name')}, which is written in Python and cannot run here. Register a replacement, or replace it by ConfigAddFields, ConfigRemapField or ConfigRemoveFields.`,
    )
  }
  return build(definition, templates)
}

function buildValidation(definition: PlainDict, templates: TemplateCompiler): ConfigValidation {
  return text(definition, 'type') === 'PredicateValidator'
    ? predicateValidator
    : dpathValidator(definition, templates)
}
