// Made by scripts/generate.ts from the compiled kernels. Do not edit.
import type { Packed } from '../runtime/unpack.ts';
import { CORE_WASM } from './core.ts';

export const COMMON_WASM: Packed = {
  size: 8074,
  after: CORE_WASM,
  text: 'zC2jxBp6:4iv(t0z(|ghBv@Ep/fy=w:pkh3xzCbz:=7h.3J3f5vGiHhmGn,zD,=;@A;x5-B;7j22@DI6n|<ij*n2,*jc1hnjvAjd<:g6w@uFJyFyBs,y0fG:bi3<y0Jpt6na9A,@Bmjkt2c0fqc.hFB3(tt*+8wHp.dy-4wxour@,u-2(q/IhI1ul}m3u<+vJhEcF34-s){D-j{m;H/DiDB}<8gh9pprm)>1lpDfmFstk:45=m/(u,{>)*:E)c*mjee((((1sE3|-Gn(fp,>{0sDdotlo?/h4xg5,}jHn6Fb4@6u)jwo0.-cI6@)GGH<kIrA+{/loCbyD.nc)v06HAH1aJG8zEDa8A+G5A@mp@0(4/GBlhdd==8@v}oAI7xDxh:@4u-;8@visvBhx8sc1jGu6}0Bwgkb/G0erF.sq/Eveqwa88bxF|1oC<d6D:+0IIDvc;>,F-wH|z?gtAh{;iBbp2)ek21}joikzhFg{<q+t8<d4c/0640hopyt)h)ngc2ovAc05C0.u{5zE;h3f(v3,>/1>H+:9Fwid5{+B=u<2C/DE<>Ibjue(5*Dyuis,AFio{vzwm|)zxi+={sy.3lz{7=<,r@/>(vc||)ukm5i|,g907hsBv,b4;6veG9|x;w}5;*(qr9Jz|l30:f*jf7nz|e>m>p?D{4vov9Aurkv=cIfhd.H8f1BDEHJjh,:8qoDbo:2*bt;vq}p12.vhB:DBl@B1Fwz=@:9i(B9aeqf{c;djdu,0ecw/z@aoG434e<i*s=.d25iJwHq@HJ;GB{FIvcf)vad<+wH+ysu7Hkqt=uiICqw<<vx,tBxva|vjutH{n:y>g/n0qklhCgwt|?I9A(EBaG)@gHku9@=Hiv{1r;eGz@<zAg-o}2f5sE,ysB|?@:kd7gu)dB}1k-:*t-h*Bv{Bp0}GDztE-bwzb<garF@6u)f*6<<|f2bzq(?8:p?)8Ik.DgsB6i<Ivda.@>F0ndmk6FEdJhaDndd|t28qucrw<E@:rvz5<qdp+kh=)oo64gcg4F9av)x):I*Bp,0qsp2,wCqG3}gv/e5os2jd41Gv{}a,.lG|2@Ibg}D<pAC2Ad35n,(Co8{lk)jB8u54pd|(,;6jf1a?1u,)A+In<@phA-Eamo.x-?zsdn,6(=BHFq|/tntk8GJAi8E<mAD((.yaz*xv4k>8)?,Fmp@eucil/b0:{5@DycxIp)|,kfx:.<h0C3rJmGpe:yvDozn,a?l7c0{)cw)@6Gkyeoe)8+j.:?(J}t,((p*uyke{Cy>0.Fl/Dd<i9uonGrA<D><f<|)dm2g(gJEfEnx@+of+}G{eypi=zGmhh}4JCi5jJd|k}I;*+o>++=k}H{yH9<pu;2dj2:@1689Hpd:-8(o.(512f9i?@8s{{v-:D-eD446dhpzeDCjl7d>-y4/(b5*z*x7:lE83d0}G@GlxsrB3)E5q/rcxB6bfdf{--99ckujEaHw/Av}qDgrvbhCDebyDm?eiIbfBeBp<c2g)Bfpz?(swv-5Jkw)ih7dEAlh6>bi+v.|cx<}fi',
};
