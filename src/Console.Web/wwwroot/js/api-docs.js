// Starts the browsable API reference at /docs; kept in a file because inline scripts are forbidden.
import { initialize } from '/docs/scalar/scalar.aspnetcore.js';

initialize('%2Fdocs%2Fscalar%2F', false, {
  withDefaultFonts: false,
  showDeveloperTools: 'never',
  hideClientButton: true,
  telemetry: false,
  agent: { disabled: true },
  sources: [{ title: 'v1', url: 'openapi/v1.json' }],
}, '');
