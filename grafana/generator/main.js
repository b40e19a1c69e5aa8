// Writes the dashboards and the alert rules into a folder: `node main.js FOLDER`. The output is deterministic.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { alertRules } from './alerts.js';
import { marketOverview } from './market-overview.js';
import { pipelineHealth } from './pipeline-health.js';
import { symbolDetail } from './symbol-detail.js';

const HEAD = '# The alert rules. Made by scripts/grafana-dashboards from grafana/generator/alerts.js: change that.\n';

// No anchors and no line wrapping.
const YAML = { aliasDuplicateObjects: false, lineWidth: 0 };

const json = (made) => `${JSON.stringify(made, null, 2)}\n`;

const files = {
    'dashboards/market-overview.json': json(marketOverview()),
    'dashboards/symbol-detail.json': json(symbolDetail()),
    'dashboards/pipeline-health.json': json(pipelineHealth()),
    'provisioning/alerting/tickline-alerts.yaml': HEAD + stringify(alertRules(), YAML),
};

const folder = process.argv[2];
if (!folder) throw new Error('missing folder; usage: node main.js FOLDER');
for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
}
