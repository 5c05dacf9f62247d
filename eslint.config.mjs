/**
 * Lint rules of the whole workspace: mistakes and package boundaries, nothing about taste.
 *
 * Not a formatter (prettier is) and not a set of size limits. Every package lints itself with `eslint .`, which finds
 * this file upwards. The boundaries are the arrows of docs/architecture.md; a tag is set in each package.json under
 * `nx.tags`, and the rule needs the project graph that any `nx` command leaves in its cache.
 */
import { fileURLToPath } from 'node:url';
import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/** Who may import whom. A package that is missing here may import no other package. */
const arrows = {
  runtime: [],
  imaging: [],
  'native-cpu': ['runtime'],
  'native-cuda': ['runtime'],
  models: ['runtime'],
  training: ['runtime', 'models', 'imaging'],
  cli: ['runtime', 'native-cpu', 'native-cuda', 'models', 'imaging', 'training'],
  // Fixtures are made from the table of operation cases; benchmarks run networks.
  tools: ['runtime', 'models', 'imaging', 'native-cpu', 'native-cuda'],
};

const nodeGlobals = Object.fromEntries(
  [
    'AbortController',
    'AbortSignal',
    'Buffer',
    'TextDecoder',
    'TextEncoder',
    'URL',
    'clearInterval',
    'clearTimeout',
    'console',
    'fetch',
    'performance',
    'process',
    'queueMicrotask',
    'setImmediate',
    'setInterval',
    'setTimeout',
    'structuredClone',
  ].map((name) => [name, 'readonly']),
);

export default tseslint.config(
  {
    ignores: [
      '**/dist/',
      '**/build/',
      '**/node_modules/',
      '**/coverage/',
      '.nx/',
      '.cache/',
      'site/',
      'runs/',
      'examples/**/run/',
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          allow: [],
          allowCircularSelfDependency: false,
          enforceBuildableLibDependency: false,
          depConstraints: Object.entries(arrows).map(([name, targets]) => ({
            sourceTag: `package:${name}`,
            onlyDependOnLibsWithTags: targets.map((target) => `package:${target}`),
          })),
        },
      ],
    },
  },
  {
    rules: {
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'off',
      'no-constant-condition': ['error', { checkLoops: false }],
      'prefer-const': ['error', { destructuring: 'all' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'separate-type-imports' }],
      // Typed-array reads in hot loops carry a `!` under noUncheckedIndexedAccess; the assertion costs nothing there.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        {
          args: 'after-used',
          argsIgnorePattern: '^_',
          varsIgnorePattern: '^_',
          caughtErrorsIgnorePattern: '^_',
          ignoreRestSiblings: true,
        },
      ],
    },
  },
  {
    // A promise nobody awaits is the one mistake here that only types can see: sessions and files are asynchronous.
    files: ['**/*.ts'],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: fileURLToPath(new URL('.', import.meta.url)) },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['test', 'it', 'describe'] }] },
      ],
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ['**/vitest.config.ts', '**/*.mjs', '**/*.js'],
    ...tseslint.configs.disableTypeChecked,
    languageOptions: { globals: nodeGlobals, parserOptions: { projectService: false, project: false } },
  },
);
