// Made by scripts/generate.ts from the compiled kernels. Do not edit.
import type { Packed } from '../runtime/unpack.ts';
import { CORE_WASM } from './core.ts';

export const COMMON_WASM: Packed = {
  size: 7695,
  after: CORE_WASM,
  text: 'zC18k<;;5vtCltDFtxo=bC5s}n;J1dtp.i23Hkak}yDGxsy,8r<C@357,DBnqe(@6,r933?w;gxx*/5|8Fd;d.q4khac;Jrw|t+dddhl4f0d8Id+f7257n(tubHC}b1gie.+F)B)6Huym;1/>9}q77@useq-Dc4|JE1/kAloHfbxC8j;cI:evx06}iB7lF.sF@:=>5)+oF?{0oeezz9-?x>.4w2nA-mrb8zdsx/D*o0nCCoq.,6|r.k(-zrdrwqkfIq(7aqvwgJaq0I98H7o:84,F-y|>bg=zt-aecc9jtI>iFHaawuF)Hp5gco3e*u<},7Elw-8C,-JBmm8-wvct)be3(Co}lk=mHsi1f/(()u;h+3fBl)urAC;i1yxw68:a=x=1:j.@@dj4zyuEtkD3eqk86.E<pH2,3hc}9kI9a5xouu291w3;<2--kfu1IcpDmlry+vwmtA}n*aJuIhzythdxa/7xiI?z-w>Ah|,/5{aed(BGbqj5qF4458xja-ykH-|f(2,szCH{hxpcbjyE9u(=;7mpi7(hi|3dC54b(<:l0n<@Er6<l+/{;w<ok33puE79/Bd.-D5e+}8<vFy=idtk9goxlsr9ABJl<*;JakBsg8xijd7yJ.i|b|hwwlktIc<f7HbE+E79>h0*{H-?p=IzBC1uo.>CJqC+i2o<bIf}02{G.);Ckj|7{?>A06/+I67BBq;96s/}6G--I/H@f+:BxEtCb9gtq;k2?<71uuxxg3xi/Ax3/jep-)}?amazyc{t8;3050k/j@u?G;wk/go<d}IHw9Chn{fapdt(0BD;(tswn5Dkfoav(}nq.cm(*i9E94=IFeJh*@{:vb:5b)bg<00rt9a}h<@.qz:b3Gwg/BgJ{7earJzr3f=<=kJi6:7k4sct2//i.fG{n2}opoFGp9|<|lAhcFq(quIBG)iuC7+d7stJr{>EHDGtsn@vt1j)yg<-jB+kbdb->?Dt/Gy;1kAHcvstrmnv+?-)yBy7jk}(*4>,+0rJG6kfbmBu{:w:syhje:b6f7phJ,0/iu>:8(9oJwl3umB;:veyz8-}F://H73g6B=f91z}{p-k0/+8>H{GqE3qoGi17G.DjeAoD.I=eh.bEv=>jr?pzlbt*<z}:n?F2itepJ7u;(ek,J,.E-2glaf;l}3uFxynnf7;zBuyDm+8i?5xr?A6qFcy+7vJ;p9:s:75)2{51b19((4D5JFGD|DD0+uF.kgsrv8-)djkv:=Dk;B,<:uh.ki*0d+n>|,zkG77}dx4+n=+8zcglh}A-)y0b=-46|:{<E5h/C/2y:ks4>-Bn03iiDEoam)z*e{rG-An.)>fI|3Ih2Ervj3(admH*wzhA2vpEiklvfc:b+keh>?A?=J48n:fB)zADH,C(5;1|m5yo',
};
