/**
 * Markdown tables from the two halves of the benchmark: `node table.mjs peers.json revoxel.json`. Memory is what a step
 * needs beside the weights; the gradient column is the largest relative difference of one parameter's gradient from that
 * of the same network with everything kept.
 */
import { readFileSync } from 'node:fs';

const [peersFile, revoxelFile] = process.argv.slice(2);
const peers = JSON.parse(readFileSync(peersFile, 'utf8'));
const revoxel = JSON.parse(readFileSync(revoxelFile, 'utf8'));

const NAMES = {
  keep: 'PyTorch, everything stored',
  checkpoint: 'PyTorch, checkpoint per block',
  revtorch: 'RevTorch',
  memcnn: 'MemCNN',
  iunets: 'iUNets (its own network)',
};

const rows = [
  ...peers.rows.flatMap((r) => {
    const { peer, config } = r;
    const { blocks, precision } = config;
    if (!(peer in NAMES)) return [];
    return [
      {
        name: NAMES[peer],
        blocks,
        precision,
        bytes: r.memory?.peak_rss_growth,
        seconds: r.seconds?.median,
        cpu: r.seconds?.cpu_median,
        gradient: peer === 'keep' ? 0 : r.gradients?.[`keep ${precision}`]?.worst_relative_difference,
        status: r.status === 'ok' ? undefined : r.reason,
      },
    ];
  }),
  ...revoxel.rows.map((r) => ({
    name: `**Revoxel** ${r.choice}, ${r.stream} stream`,
    blocks: r.blocks,
    precision: r.precision,
    bytes: r.memory?.peak_rss_growth,
    planned: r.planned?.growth_bytes,
    seconds: r.seconds?.median,
    cpu: r.seconds?.cpu_median,
    gradient: r.gradients?.worst_relative_difference,
    status: r.status,
  })),
];

const gib = (bytes) => (bytes === undefined ? '' : (bytes / 2 ** 30).toFixed(2));
// JSON has null for a difference that is not finite, or of a gradient that is missing.
const exponent = (x) => (x === undefined ? '' : x === null ? 'none' : x === 0 ? '0' : x.toExponential(1));
for (const blocks of [...new Set(rows.map((r) => r.blocks))].sort((a, b) => a - b)) {
  for (const precision of ['f32', 'bf16']) {
    const list = rows.filter((r) => r.blocks === blocks && r.precision === precision);
    if (list.length === 0) continue;
    console.log(`\n${blocks} block(s) a level and side, ${precision}:\n`);
    console.log('| | GiB | planned GiB | s a step | CPU s | gradients |\n|---|---|---|---|---|---|');
    for (const r of list)
      console.log(
        r.status
          ? `| ${r.name} | ${r.status} | | | | |`
          : `| ${r.name} | ${gib(r.bytes)} | ${gib(r.planned)} | ${r.seconds.toFixed(2)} | ${r.cpu.toFixed(2)} | ${exponent(r.gradient)} |`,
      );
  }
}
