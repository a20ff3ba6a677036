// Made by scripts/generate.ts from the compiled kernels. Do not edit.
import type { Packed } from '../runtime/unpack.ts';
import { CORE_WASM } from './core.ts';

export const COMMON_WASM: Packed = {
  size: 7661,
  after: CORE_WASM,
  text: 'z-uHy@?286FufjG+>n7Hm<=,4m+/EJanHwmj0e/|Bw?kbJ7(n6y2eq-jq0o/q.Fr9A=cj>-HtHmG4)5e)a|2xyJyG-rDG|=hCz>0<c?8p+-,zdEC5qep0(<q:txqrpeHIdhJ.(57CFibk6)ypEB<xh{){2Jm6gvG;yk+H9ykk.A@fqt?qdFn:tC-my+)qv},Iqz)-;26wApBec1D8@c}gj<{76Dbqt2ajrH*wm,4|1z}gg8wbH6i0II((6Agb;Fuq9J(7@HJbj.0hze*8vsnca;z*x5k{F4t?>lz/mj/l1F,biwfy2bA;*>s9q|@ggp<v:=9B{2zAenam4gjy?kbt:@s(6flj;.,J-?Ipgll}e7AI7j}|-o{)me1;b-c:*?8g+1C0Iy|{4b|;hfngfy}+.E<c=(I{ep9dyF8ElCl?*ceIIc,4l}3aEh@G7C40fc?zD*e<0}IJ(?ADd(u6|o4f@w*dB={((;c5/@p9?;D*:ua99>*gv4|;6=c:e51/+qz<}fi+;ytar.v|i?:lJ:fJk?}4dnk5?;*4Ad2l:gkp:@(G1H8|hIu47{Ad<HxAk(dlwB3AterHnH/x0w>:d4AG8Dn*z<9wB=)G8>*s?lt{x/ax=,BmsI1Cnh:0+jdDEkj:sJyxeg,/)l.Ea;faFxqBg|mlc?jb9E)fyrBEwuec|0x5c8<iI+tt5n57lI7we(g;ua13d}u9d{vnaC3ytbx/oj5<Ido6:7veqq@yov>A*b4hh@3126|3iwvBp>GgkC;o6f|b1DqAre(rH7ju6+82ugww:{a/jFgx{I-)hb:JJ=g8tsD8b,EsJ-*v8<..k1=3tr:Aa3ijoGFI>;oyv5=t->/s62q{)iC(5ez(7J6*:2qFr1>cfh.kplJ0jc|7)>35.i*>>1lt<fF|7J7e;t3HA)m/7luIc{?yb*|=5sIycD(d@A44,BE6@x:{b>?6}Ff9.,lJh/DJJ3|9>bt5<+E+/0A8wk79:}.xzblBjm6+8qpf<+neaG93nyIjyAg?H?o=DjkGcAg3r4g-n2n@C2B>kGECDa4tyikqIe3b?Cpa{=F|FCxw9m|um>>s(AHk=<c=7=:67Drzet3v6?pcHE7GHs?vj=AA|y:u8ie}1v0jlr.92>2z?ysbAv16ck:(+1l-{oqHo}4pk:JCt,;-{:7n<*3B+(>-AFlrfbz8iCCcs0l;.6wv|w9*ml-G1,5o+o.x?r0kw<ngss2JozIBga166.2gp2;j9f/Fe;6aDp;{hDED)bkmE.hJpA5g;lHkf<,;fec;e=9g+8ky?w*@np*ea>e=h3ck=>-v=:nqmfuzsa:cxCh;96>72HbIg*ajo4rIGqy>h*sn|Jhkcb|+J=rbEvn87:9==rp:56|5@qznG+Hp@=fm4G|:,Icd41ombd8fj',
};
