// Made by scripts/generate.ts from the compiled kernels. Do not edit.
import type { Packed } from '../runtime/unpack.ts';
import { CORE_WASM } from './core.ts';

export const VOLUME_WASM: Packed = {
  size: 1830,
  after: CORE_WASM,
  text: 'ym<)b0nc<of96blCa;?eyfsg42c6ij*sy4+9qn)q,4s|GlJ5yIF.ixi?*J80gx6asFx>i/=nw74@1=GyjF/n/-,qE=.sjmCc()?6*;hGqjsDDmtEqHBz,o?H+1s0mv2>aj8gvxJq1C+ArIz+a5hh50H9A}E4{4ghD-a*vtjv(pv4,)*gb8jtbl:1gx;7:J=J@/.zo6AsAo()D:4ek4d+ix+?cbE4:AGhs6m3g@,/>wpa+4u4-Jh+gg.fl{9au9sraztsro3xeed+9D.25b-okfEiyvc)jr618?ap{6o?6.)EE3D1I{tjq{,}ok35as{iwiGv8+BCs611)bbIg011J/J+53l?mdz:2G0Jz/CiB3.d.=5t*muqe*gIE{Fw2q}|3Dh?a+Je7i>5h+,-xlIu:2sDg-po<}gloG4B6u*y5<ID-mB9*3+x}-Bt7-/;vDtitB-61=d7(sJ:oqzi;nl*3-<v9,z)i<b??)12:timBp()+D->c,dzap|3+f{/,<>sD/z8y,hm}./o+;ysrEE7IJD6)j0,9Cxi{I>me:<i{3.9:3kJxsj5<,51n8ep85)qDI(.1|-pFrkJq);Fzf=9@a,djz1EcJa@c7-3:-?lj(1n=zz2q;dp.>wpgAyjnt@Ch6),q9.A{p@ElkDje7Gj3vjaE|ui@uwDvrA},FD4b83?ylgf;Gwt-,6+2Ij{j>(y)>|52|klqextG,-r{yv(v}x)2t',
};
