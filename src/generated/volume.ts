// Made by scripts/generate.ts from the compiled kernels. Do not edit.
import type { Packed } from '../runtime/unpack.ts';
import { CORE_WASM } from './core.ts';

export const VOLUME_WASM: Packed = {
  size: 1830,
  after: CORE_WASM,
  text: 'z>gG+pdGpp)w<9iH}(=>e2A}-*2l/nxgcfmbuHwwtqkg;e??DcFoJAj.6?9G1DkjA5DD3a=w4GdstyDmq}g:q7+Bz*kb?>cg5y3ld*7eqsk-c{EAesv-{@,j5>vF)cbJ?-k6F,29d3F/211m=9ev:)65|kx+F9qBC|)x-a{:iz45Iv:ewd6udtC=0e(d|Eg=u,2wpuw/<pAgmc>85fbst|2lAhu|8@k|J*A+xk<vg;@*.*95knE5f-=B5mJD<Fn9*raq@+wJ.p60HirB@FCuc+H5*aCfuiFj?9CnI0D{}0wlaI:lr}D.HG5n3n=87/th15)mA115H0FC7j+d|-q?+;>J64o=n3;hw|)/dndE>*rrvu}8k?b=s0xEtnio}jpvsx;y5}f?{h{;o2|zAGbfFe5:*mFGts9ci1vrcip|ig,,-3uqH:0bE7}?1(<c}{ImG7auag)kC5<pjz,2eo2>C26C{J62+,E>|D5v;dg2ncj;nk@9k{G}@@.|F-eplDCl.4=j}<ftcq8?iBiG/.8maor->w|*4o-(eob0m.l(tm0i<7A11*@6zBf,}gct.mi;EGxc7ADA6A<HB}>=mbg,038Gc)v</g*.y2Cpm6z7+@7;jw+pG0*}C;C8clgE5e:J8yz)o4fBbkt+3b}.G){F6.t*l0dna|bnp}8:=3oyy1wf22=yg+4,de*72}oI.5c3w6/g)s4e@ivg5np2(Js)|m}-3;6.A2',
};
